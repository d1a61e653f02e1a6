# The C side of identify.py.
from otwatch.streams.framing cimport Framer
