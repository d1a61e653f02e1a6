"""The report as one HTML file: templates, style and script lie beside; nothing of it is fetched when it is opened."""
