"""The reference page of TPKT and COTP."""

from __future__ import annotations

from otwatch.markdown import bullets, code, table
from otwatch.protocols.kit.cotp import COTP_NAMES, Cotp

_COLUMNS = (
    ("unit", "The unit that the called TSAP names (S7: rack and slot), else none."),
    ("function, subfunction", "None (-1), and the TPDU type."),
    ("object, start", "Called and calling TSAP of a connect, as numbers where they are up to four bytes."),
    ("count", "TPDU bytes of a connect."),
    ("value", "The TSAPs of a connect, as the protocol that rides shows them."),
    ("status", "Reason of a disconnect that refuses or is abnormal; cause of an error or reject."),
    ("transaction", "Reference of the caller."),
)
_LEFT_OUT = (
    ("Expedited data and acknowledgements", "flow control of classes that S7 and MMS do not use"),
    ("COTP parameters of classes 1 to 4", "S7 and MMS use class 0; TSAPs and TPDU size are shown"),
)


def reference() -> str:
    """Markdown below the head of the page."""
    shown = [(f"{number:#04x}", code(name)) for number, name in COTP_NAMES.items() if number not in (Cotp.DT, Cotp.ED, Cotp.AK, Cotp.EA)]
    return "\n".join((
        "A carrier: what it carries are messages of S7comm, S7comm-plus or MMS, told apart by their first bytes. Its own rows, of connects, "
        "disconnects and errors, are of the protocol that rides on the connection; where the TSAPs leave that open, the first data decide. Fragments "
        "of COTP are put together, within limits.\n",
        "## Columns\n", table(("column", "what it is"), *((code(name).replace(", ", "`, `"), text) for name, text in _COLUMNS)),
        "## Functions\n", table(("subfunction", "name"), *shown),
        "## Left out\n", bullets(*_LEFT_OUT),
    ))
