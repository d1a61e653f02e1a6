"""Outside bytes to batches of packets: capture files and live interfaces. Nothing in here looks inside a packet."""
