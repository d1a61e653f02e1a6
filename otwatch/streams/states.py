"""The states of a TCP flow and of its streams, and what moves them: one table, read by the tests and by the page docs/reference/streams.md.

Three machines. A *connection* begins and ends; a *flow* is looked at more or less closely; each direction of a flow has one *reading* of its
bytes, for a while two. The rule behind the table (RFC 9293 section 3.10.7.4, RFC 5961): what one side sends changes nothing by itself; what
the other side's packets show that it took does. Operations never wait for that: they are reported from whichever reading is in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Mode(IntEnum):
    """How closely a TCP flow is looked at: FlowTable.mode."""

    FRESH = 0  # no payload yet
    STREAMED = 1  # has its two Stream objects
    GIVEN_UP = 2  # its first bytes fit no protocol


class Reading(IntEnum):
    """Why a direction has a second reading: Stream.why."""

    FIRST = 0  # it is the first
    AHEAD = 1  # behind a hole that the other side has not acknowledged
    BEFORE = 2  # before the place where the first reading began
    ELSEWHERE = 3  # further away than a window
    OVER = 4  # other bytes for places already read
    URGENT = 5  # the same bytes without the urgent one


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One line of the table. `by` names who may make it, `module.Class.method`."""

    machine: str  # connection, flow, reading
    state: str
    event: str
    to: str
    by: str


def _row(machine: str, state: str, event: str, to: str, by: str) -> Transition:
    return Transition(machine=machine, state=state, event=event, to=to, by=by)


TRANSITIONS: tuple[Transition, ...] = (
    _row("connection", "none", "first packet of its addresses and ports", "open", "lifetimes.Lifetimes.new_flow"),
    _row("connection", "open", "SYN with another number, no payload seen yet", "open (a new flow)", "connections.Connections.syn"),
    _row("connection", "open", "SYN after payload", "open, claimed", "connections.Connections.claim"),
    _row("connection", "open", "SYN-ACK after payload that answers no SYN seen", "open, claimed", "connections.Connections.claim"),
    _row("connection", "open, claimed", "SYN-ACK or acknowledgement of the claim's number by the other side",
         "replaced", "connections.Connections.succeed"),
    _row("connection", "open, claimed", "payload at the claim's number", "replaced", "connections.Connections.succeed"),
    _row("connection", "open, claimed", "RST of the other side that acknowledges the claim", "open", "connections.Connections.place"),
    _row("connection", "open", "RST", "doubted", "connections.Connections.ends"),
    _row("connection", "doubted", "payload of either side", "open", "connections.Connections.revive"),
    _row("connection", "doubted", "60 s of silence", "closed", "lifetimes.Lifetimes.alarm"),
    _row("connection", "open", "FIN of both sides, one of them acknowledged by the other side", "finished", "connections.Connections.ends"),
    _row("connection", "open", "FIN of both sides, none acknowledged", "doubted", "connections.Connections.ends"),
    _row("connection", "finished", "SYN, or 10 s of silence", "closed", "lifetimes.Lifetimes.close"),
    _row("connection", "replaced", "a packet that fits its numbers better than those of its successor", "open", "connections.Connections.place"),
    _row("connection", "replaced", "60 s of silence, or a third connection on the same ports", "closed", "lifetimes.Lifetimes.close"),
    _row("flow", "fresh", "payload", "streamed", "lifetimes.Lifetimes.open_streams"),
    _row("flow", "streamed", "its bytes fit no protocol", "unattached", "attachment.Attachment.give_up"),
    _row("flow", "streamed", "room is needed for another flow's streams", "unattached", "lifetimes.Lifetimes.open_streams"),
    _row("flow", "unattached", "a segment that starts like a message of a protocol, or is too short to tell", "streamed",
         "lifetimes.Lifetimes.open_streams"),
    _row("reading", "first", "a hole that was waited for, the other side has not acknowledged what lies behind it",
         "first and ahead", "readings.Readings.ahead"),
    _row("reading", "first", "payload before the place where it began", "first and before", "readings.Readings.apart"),
    _row("reading", "first", "payload further away than a window", "first and elsewhere", "readings.Readings.apart"),
    _row("reading", "first", "other bytes for places already read, or too old to compare and not acknowledged",
         "first and over", "readings.Readings.over"),
    _row("reading", "first", "a segment with the urgent pointer", "first and urgent", "readings.Readings.urgent"),
    _row("reading", "two", "the other side acknowledges a place that only the second one has",
         "the second is the first", "readings.Readings.acknowledge"),
    _row("reading", "two", "the sender goes on in the second one where the acknowledgements stand",
         "the second is the first", "readings.Readings.went_on"),
    _row("reading", "two", "only the sender is seen, and goes on in the second one", "the second is the first", "readings.Readings.went_on"),
    _row("reading", "two", "the other side acknowledges what only the first one has", "first", "readings.Readings.acknowledge"),
    _row("reading", "two", "only the sender is seen, and goes on in the first one", "first", "readings.Readings.moved_on"),
    _row("reading", "two", "both stand at the same place between two messages", "first", "readings.Readings.meet"),
    _row("reading", "two", "the other side answers while only one of them stands between two messages",
         "that one is the first", "readings.Readings.answered"),
    _row("reading", "two", "its bytes stop to be messages", "the other one is the first", "readings.Readings.meet"),
    _row("reading", "two", "bytes that fit neither", "two, the third read apart and reported", "readings.Readings.third"),
)

# Which modes of a flow may follow which, as FlowTable.enter holds it.
MODES: dict[Mode, frozenset[Mode]] = {
    Mode.FRESH: frozenset({Mode.STREAMED}),
    Mode.STREAMED: frozenset({Mode.GIVEN_UP}),
    Mode.GIVEN_UP: frozenset({Mode.STREAMED, Mode.GIVEN_UP}),
}
