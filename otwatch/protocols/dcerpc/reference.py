"""The reference page of connectionless DCE/RPC, made of its own numbers."""

from __future__ import annotations

from otwatch.markdown import bullets, code, table
from otwatch.protocols.dcerpc import spec

_COLUMNS = (
    ("function", "Number of the operation in its interface (opnum)."),
    ("area", "Interface, of those that are named below."),
    ("transaction", "Sequence number of the call."),
    ("status", "`ok`, or that the call failed."),
)
_LEFT_OUT = (
    ("Connection-oriented DCE/RPC", "version 5, over TCP and named pipes"),
    ("Parameters of interfaces that no protocol here reads", "the call and its outcome are shown"),
)


def reference() -> str:
    """Markdown below the head of the page."""
    interfaces = [("area", "interface", "UUID"), *((str(number), code(name), str(uuid)) for number, (name, uuid) in spec.INTERFACES.items())]
    return "\n".join((
        "The carrier of [PROFINET IO](pn_io.md). Known by version 4, a type and data representation that exist, UUIDs of a defined variant, and a "
        "body that is the rest of the datagram, on any UDP port and in either byte order: both sides of one conversation may differ. Fragments are "
        "put together by activity and sequence number. Calls of an interface that a protocol reads are rows of that protocol.",
        "", "## Columns", "", table(("column", "holds"), *_COLUMNS),
        "", "## Functions", "", "Operations of interfaces that no protocol here reads are `call_` and their number. Named are those of:",
        "", table(*interfaces),
        "", "## Left out", "", bullets(*_LEFT_OUT),
    ))
