"""The reference page of MMS, made of its names and of the numbers that its dissector (in s7comm) decides by."""

from __future__ import annotations

from otwatch.markdown import bullets, code, table
from otwatch.protocols.mms import ids, spec

_COLUMNS = (
    ("function", "Tag of the MMS PDU, or the type of the session PDU; none (-1) of COTP."),
    ("subfunction", "Of a confirmed PDU: the tag of its service."),
    ("object, start", "Of a connect: called and calling TSAP; else none, as unit and area always are."),
    ("value", "The called TSAP of a connect; else none."),
    ("status", "`refused` where the PDU is an error, a reject or a refusal; reasons of COTP disconnects."),
    ("transaction", "Invoke id."),
)
_LEFT_OUT = (
    ("Names of variables, values, logical nodes", "MMS is named, not dissected: the protocol, the client, and which service"),
    ("ACSE and presentation contexts", "stepped over to reach the MMS PDU"),
)


def reference() -> str:
    """Markdown below the head of the page."""
    pdus = [("function", "name", "role", "action")]
    for number, name in spec.PDUS.items():
        role, _status, action = ids.PDUS[number]
        pdus.append((f"{number:#04x}", code(name), role.name.lower(), "that of its service" if number in (0xA0, 0xA1) else action.name))
    for number, name in spec.SESSION.items():
        if number != 0x01:
            pdus.append((f"{number:#04x}", code(name), ids.SESSION[number][0].name.lower(), "CONNECT"))
    services = [("subfunction", "service", "action")]
    services += [(str(number), f"`{name}_request`, `{name}_response`", ids.SERVICES[number].name) for number, name in spec.SERVICES.items()]
    return "\n".join((
        "Rides on TPKT and COTP like S7comm and is distinguished by the session PDU that its data start with, or by its TSAPs. Its flows, operations "
        "and assets "
        "say `mms`. Identify tells vendor, model and revision.\n",
        "## Columns\n", table(("column", "what it is"), *((code(name).replace(", ", "`, `"), text) for name, text in _COLUMNS)),
        "## Functions\n", table(*pdus), "### Services of confirmed PDUs\n", table(*services),
        "## Left out\n", bullets(*_LEFT_OUT),
    ))
