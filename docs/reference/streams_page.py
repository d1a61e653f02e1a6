"""The page of the states of TCP connections and streams, from the table that the code keeps to."""

from __future__ import annotations

from otwatch.streams.states import TRANSITIONS

NOTE = "<!-- written by docs/reference/generate.py; do not edit -->\n"
_TITLES = {"connection": "Connections", "flow": "How closely a flow is looked at", "reading": "Readings of one direction"}

# What an attempt to mislead a monitor looks like in the result: (what is sent, reported or reported apart, how it looks).
EVASIONS = (
    ("SYN, SYN-ACK or RST of one side inside a connection, any number, any TTL", "reported", "`stream.syn-inside`; the connection is read on"),
    ("forged handshake, the old connection goes on", "reported", "two flows on the same ports, each with its own messages"),
    ("ports used again, handshake lost", "reported", "the messages of both connections; a gap"),
    ("other bytes for places already sent", "reported apart", "`stream.overlap-conflict`; with another message `stream.contradicting-message`"),
    ("decoys that the receiver never gets, up to 64 kB", "reported", "as above; the reading that is acknowledged stays"),
    ("the same beyond what can be compared", "reported apart", "`stream.history-cap`, the result is incomplete"),
    ("a third version of the same bytes", "reported apart", "`stream.readings-cap`, the result is incomplete"),
    ("data ahead, before, or far away that nobody acknowledges", "reported apart", "rows of their own; `stream.late`, `stream.out-of-window`"),
    ("the urgent byte", "reported", "`stream.urgent-byte`; both readings, the one that makes messages stays"),
    ("a length field that says more than there is", "reported", "`stream.length-lie`; each message at its own frame"),
    ("a length field that covers further messages to the byte", "reported", "`stream.length-lie`, where the content or the answers show it"),
    ("the same with a function of unknown length and no answer", "not read", "`stream.length-doubt`, the result is incomplete"),
    ("pieces of a decoy and of a message in turn", "mixtures", "`stream.readings-cap`, the result is incomplete"),
    ("FIN of both sides, forged", "reported", "the connection is read on: nobody acknowledged them"),
    ("pieces in any order, with any pauses, over a decoy", "reported", "`stream.overlap-conflict` for the decoy"),
    ("a COTP connect inside a connection", "reported", "a row of its own; rack and slot change when the other side confirms it"),
    ("on a port of no protocol: after up to 1,024 segments that begin like messages and are none", "reported", ""),
    ("the same after more of them", "not read", "`stream.looks-cap`, the result is incomplete"),
    ("on a port of no protocol: from the middle on, or after noise, in pieces of any size", "reported", "the flow is sifted"),
    ("only the answers pass the tap", "answers", "blind spot `requests-not-seen`, the result is incomplete"),
    ("OpenVPN over TCP; TLS or SSH from the internet to an OT host", "not read", "blind spot `undecoded-traffic`, the result is incomplete"),
    ("messages within the data of a message", "not reported", "they are data"),
)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    return "\n".join(["| " + " | ".join(row) + " |" for row in (head, ("---",) * len(head), *rows)]) + "\n"


def page() -> str:
    """docs/reference/streams.md."""
    parts = [
        "# Streams\n",
        NOTE,
        "What one side of a TCP connection sends changes nothing by itself; what the other side's packets show that it took does "
        "(RFC 9293 section 3.10.7.4, RFC 5961). Operations never wait for that: they are reported from whichever reading of the bytes is in "
        "order, and there are at most two readings of a direction at a time. A direction costs at most 2 kB of history, 64 kB while its "
        "receiver has not acknowledged that much (16 MB for all together), and 256 kB of waiting bytes (64 MB for all).\n",
    ]
    for machine, title in _TITLES.items():
        rows = [(row.state, row.event, row.to, f"`{row.by}`") for row in TRANSITIONS if row.machine == machine]
        parts += [f"## {title}\n", _table(("state", "what happens", "then", "by"), rows)]
    parts += ["## Attempts to mislead\n",
              "`tests/evasion/test_variants.py` plays them with the acts of every decoded protocol: 510 ways, 4,838 captures.\n",
              _table(("what is sent", "what it carries or hides is", "how it looks"), list(EVASIONS))]
    return "\n".join(parts)
