"""packets -> flows and ordered bytes: flow table, TCP reassembly, framing, protocol identification. Knows protocols only as data."""
