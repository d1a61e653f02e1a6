"""The 24/7 monitor around the engine: whatever touches sockets, files and clocks."""
