"""What every dissector is made of: byte readers, row and anomaly writers, pairing of requests and responses, reassembly of parts, device habits.

A protocol folder imports from here; nothing here knows a protocol.
"""
