"""Alerts to a SIEM: message bodies, RFC 5424 framing, transports, and a spool so that an outage loses nothing."""
