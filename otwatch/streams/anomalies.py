"""What can be wrong with a stream: the closed list of Layer.STREAM."""

from __future__ import annotations

from enum import IntEnum

from otwatch.vocabulary import AnomalyKind


class StreamAnomaly(IntEnum):
    """anomalies.kind where anomalies.layer is Layer.STREAM."""

    GAP = 1
    GAP_AT_END = 2
    CONFLICT = 3
    WRONG_BYTES = 4
    RESYNCHRONISED = 5
    PENDING_CAP = 6
    DETACHED = 7
    UNIDENTIFIED = 8
    OUT_OF_WINDOW = 9
    CUT = 10
    LATE = 11
    ONE_WAY = 12
    STREAMS_CAP = 13
    SYN_INSIDE = 14
    READINGS_CAP = 15
    HISTORY_CAP = 16
    URGENT = 17
    CONNECTIONS_CAP = 18
    CONTRADICTION = 19
    MADE = 20
    LENGTH_LIE = 21
    LENGTH_DOUBT = 22
    LOOKS_CAP = 23


ANOMALIES: tuple[AnomalyKind, ...] = (
    AnomalyKind(code=StreamAnomaly.GAP, name="gap", clause="",
                doc="Bytes of the stream were never captured (needed: how many); what follows them was read without them."),
    AnomalyKind(code=StreamAnomaly.GAP_AT_END, name="gap-at-end", clause="",
                doc="The flow ended while bytes before the last ones (needed: how many) were still missing."),
    AnomalyKind(code=StreamAnomaly.CONFLICT, name="overlap-conflict", clause="RFC 9293 section 3.10.7.4",
                doc="A retransmission carried other bytes than the first copy (had: how many differ); both versions are read."),
    AnomalyKind(code=StreamAnomaly.WRONG_BYTES, name="wrong-bytes", hides=True, clause="",
                doc="Bytes where a message of the flow's protocol should start do not fit its header."),
    AnomalyKind(code=StreamAnomaly.RESYNCHRONISED, name="resynchronised", clause="",
                doc="Bytes were skipped (had: how many) to find the next message."),
    AnomalyKind(code=StreamAnomaly.PENDING_CAP, name="pending-cap", hides=True, clause="",
                doc="More bytes were waiting for a missing segment or the rest of a message than the limits allow."),
    AnomalyKind(code=StreamAnomaly.DETACHED, name="detached", hides=True, clause="",
                doc="The flow broke its protocol too often in a row (had: how often) and is no longer read as that protocol."),
    AnomalyKind(code=StreamAnomaly.UNIDENTIFIED, name="unidentified", clause="",
                doc="The first bytes on the port of a known protocol (needed: its id) do not fit it, nor any other known protocol."),
    AnomalyKind(code=StreamAnomaly.OUT_OF_WINDOW, name="out-of-window", clause="RFC 9293 section 3.4",
                doc="A segment lies too far from what its receiver acknowledged to be accepted (had: how far); it is read apart from the stream."),
    AnomalyKind(code=StreamAnomaly.CUT, name="cut", hides=True, clause="",
                doc="The rest of a message was never captured (needed: its length, had: bytes that are there)."),
    AnomalyKind(code=StreamAnomaly.LATE, name="late", clause="",
                doc="Bytes came that lie before those already read, and had not been seen; they are read apart from the stream."),
    AnomalyKind(code=StreamAnomaly.ONE_WAY, name="one-way", clause="",
                doc="Of a conversation that needs both sides only one was captured."),
    AnomalyKind(code=StreamAnomaly.STREAMS_CAP, name="streams-cap", hides=True, clause="",
                doc="The flow's place in its stream was forgotten to make room for a newer flow."),
    AnomalyKind(code=StreamAnomaly.SYN_INSIDE, name="syn-inside", clause="RFC 5961 section 4.2",
                doc="A SYN or SYN-ACK inside an established connection: a peer that restarted, or a forged one. The connection is read on."),
    AnomalyKind(code=StreamAnomaly.READINGS_CAP, name="readings-cap", hides=True, clause="",
                doc="Bytes (had: how many) that fit neither of the two readings (needed) kept of a direction; they are read once, for themselves."),
    AnomalyKind(code=StreamAnomaly.HISTORY_CAP, name="history-cap", hides=True, clause="RFC 9293 section 3.10.7.4",
                doc="Bytes (needed: how many) were sent again that the receiver had not acknowledged and that are too old to be compared with "
                    "their first copy; they are read as well."),
    AnomalyKind(code=StreamAnomaly.URGENT, name="urgent-byte", clause="RFC 6093 section 3",
                doc="A segment with an urgent byte (needed: its place, had: bytes of the segment), which some receivers take out of the stream; "
                    "both readings are followed."),
    AnomalyKind(code=StreamAnomaly.CONNECTIONS_CAP, name="connections-cap", hides=True, clause="",
                doc="A third connection on the same ports while two were open; the oldest one was closed."),
    AnomalyKind(code=StreamAnomaly.CONTRADICTION, name="contradicting-message", clause="RFC 9293 section 3.10.7.4",
                doc="A whole message (had: its length) stands where the stream already had other bytes: two readings hold different messages."),
    AnomalyKind(code=StreamAnomaly.MADE, name="constant-sequence", clause="RFC 9293 section 3.4",
                doc="Every segment of a conversation has the same sequence number, and nothing is acknowledged though it is answered: no TCP, but a "
                    "capture that a program made. Its segments are read one after the other. Said once per connection, of no address."),
    AnomalyKind(code=StreamAnomaly.LENGTH_LIE, name="length-lie", clause="",
                doc="The length field of a message says more (needed) than there is of it (had): its own content, the answer to it or what "
                    "follows show where it ends."),
    AnomalyKind(code=StreamAnomaly.LENGTH_DOUBT, name="length-doubt", hides=True, clause="",
                doc="A message (needed: its length by its header, had: bytes that are there, or before the first whole message within it) of which "
                    "nothing shows where it ends: what else is in these bytes is not read."),
    AnomalyKind(code=StreamAnomaly.LOOKS_CAP, name="looks-cap", hides=True, clause="",
                doc="A conversation of no known protocol, many packets of which begin like messages of one, was looked at as often as the limit "
                    "(needed) allows; it is not looked at any more."),
)
