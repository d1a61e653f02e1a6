"""The reference page of IEC 60870-5-104, made of the tables that the dissector reads."""

from __future__ import annotations

from otwatch.markdown import bullets, code, table
from otwatch.protocols.iec104 import spec

_COLUMNS = (
    ("unit", "Common address of ASDU: the station. 65535 addresses all stations."),
    ("function", "Type identification; of U frames 256 + control octet."),
    ("subfunction", "Cause of transmission, without its test and negative bits."),
    ("area", "Type identification, by the standard's name (`C_SC_NA_1`)."),
    ("object", "Name of file of a file transfer; else the originator address where it is not 0."),
    ("start", "Information object address."),
    ("count", "1, or the number of elements of a sequence (SQ = 1), which is one row."),
    ("value", "The information element with its quality and time tag; `select` of a command: true selects, false executes."),
    ("item", "Place of the information object in its ASDU."),
    ("status", "`ok`, or `negative` of a confirmation with the P/N bit, with the cause where it is one of 44 to 47."),
    ("transaction", "Send sequence number N(S)."),
    ("request_frame, latency_ns", "Of a confirmation: its activation, found by common address, type and object address, the oldest first. Of the "
     "answer to a read command: the read command. An interrogation's answers name none; its confirmation does."),
)
_ROLES = (
    ("request", "types 45 to 64 and 100 to 113 with cause 6 or 8, 102 with cause 5, file calls; STARTDT, STOPDT and TESTFR act"),
    ("response", "the same types with cause 7, 9, 44 to 47; process information with cause 5 or 20 to 41; files; U frames con"),
    ("event", "all other process information, end of initialization, the end of a command (cause 10)"),
)
_LEFT_OUT = (
    ("Types 41 and 81 to 95", "secure authentication of IEC 60870-5-7: named, counted as AUTHENTICATE, their contents are not decoded"),
    ("S frames", "they acknowledge and carry nothing: no row"),
    ("Addresses of one or two octets", "profiles of 101 that some gateways carry over TCP: an ASDU of another size is not recognised as 104"),
)


def reference() -> str:
    """Markdown below the head of the page."""
    types = [("type", "name of the standard", "name", "element", "time", "action")]
    for known in spec.TYPES.values():
        size = "variable" if known.element_bytes < 0 else str(known.element_bytes)
        types.append((str(known.code), code(known.mnemonic), code(known.name), size, str(known.time_bytes or ""), known.action.name))
    frames = [("octet", "name", "action"), *((f"{octet:#04x}", code(name), action.name) for octet, (name, action) in spec.U_FRAMES.items())]
    causes = [("cause", "name"), *((str(number), code(name)) for number, name in spec.CAUSES.items())]
    return "\n".join((
        "Known by its start octet and control octets, by a type that is defined and an ASDU that has just the length which its type and number of "
        "objects need; an S frame alone proves nothing. On any port.",
        "", "## Columns", "", table(("column", "holds"), *_COLUMNS),
        "", "## Roles", "", table(("role", "which"), *_ROLES),
        "", "## Functions", "", table(*types),
        "", "## U frames", "", table(*frames),
        "", "## Causes of transmission", "", table(*causes),
        "", "## Left out", "", bullets(*_LEFT_OUT),
    ))
