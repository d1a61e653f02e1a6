"""What leaves otwatch: records, files, syslog, reports. Everything that came from the wire is escaped here, for the place it goes to."""
