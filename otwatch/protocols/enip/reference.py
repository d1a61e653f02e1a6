"""The reference page of EtherNet/IP, made of the tables that the dissector reads."""

from __future__ import annotations

from otwatch.markdown import bullets, code, table
from otwatch.protocols.enip import spec

_COLUMNS = (
    ("function", "Command of the encapsulation."),
    ("count", "Items of an answer to a list command."),
    ("value", "An identity as its fields; what a service can."),
    ("status", "Encapsulation status."),
    ("transaction", "Sender context, as a number."),
)
_LEFT_OUT = (
    ("Data commands", "SendRRData and SendUnitData carry CIP: the rows are of `cip`"),
    ("CIP Security", "TLS and DTLS on port 2221 are encrypted: named as a blind spot"),
    ("Socket addresses", "items beside a Forward_Open that say where I/O data go: the data show it themselves"),
)


def reference() -> str:
    """Markdown below the head of the page."""
    commands = [(f"{command:#04x}", code(name), action.name) for command, (name, action) in spec.COMMANDS.items()]
    return "\n".join((
        "The carrier of CIP (`cip`). Known by a command, a status and a length that fit each other and by items that fill it, on any port; I/O data "
        "on UDP by their items. Which side requests follows from the message: a request to list has no data, one to register no session yet.",
        "", "## Columns", "", table(("column", "holds"), *((code(name), text) for name, text in _COLUMNS)),
        "", "## Functions", "", table(("command", "name", "action"), *commands),
        "", "## Left out", "", bullets(*_LEFT_OUT),
    ))
