"""The reference page of S7comm-plus, made of its names and of the numbers that its dissector (in s7comm) decides by."""

from __future__ import annotations

from otwatch.actions import Action
from otwatch.markdown import bullets, code, table
from otwatch.protocols.s7comm import plus_ids
from otwatch.protocols.s7comm_plus import spec

_COLUMNS = (
    ("unit", "None: the controller itself."),
    ("function", "Function of the message; 0x33 a notification, 0xFE a system event, 0x14 to 0x17 a TLS record, none (-1) of COTP."),
    ("subfunction", "Version of the header (1, 2, 3; 254 of system events); of COTP the TPDU type."),
    ("area", "`OBJECT`, or the memory area or block that the object id names; with `_SYMBOL` where start is the local id of a symbol."),
    ("object", "Object id, or the number of the block."),
    ("start", "Attribute of the object; bit address or local id of a variable."),
    ("count", "Bytes of a variable by address; 1 of a symbol."),
    ("value", "Opcode, session, whether the action is inferred, and the first 256 bytes; of TLS the kind of record."),
    ("item", "Variables of a request by address (Get/SetMultiVariables): a row each."),
    ("status", "Low 16 bits of the return value of a response: a signed error code, `error:-255`; reasons of COTP disconnects."),
    ("transaction", "Sequence number."),
    ("request_frame, latency_ns", "Of a response: its request."),
)
_FIELDS = {
    0x04CA: "area, object (parent), start (class)", 0x04F2: "area, object, start (attribute)", 0x057C: "area, object, start (attribute)",
    0x0586: "area, object, start (attribute)", 0x0542: "per variable: area, object, start, count", 0x054C: "per variable: area, object, start, count",
    0x05B3: "none: TLS follows",
}
_IDENTIFYING = frozenset({0x04BB, 0x04CA, 0x0586})  # functions whose answers may spell out who the controller is
_MEANINGS = (
    ("set_variable", f"object {plus_ids.EXECUTION_UNIT}, attribute {plus_ids.OPERATING_STATE_REQUEST}",
     ", ".join(f"{action.name} ({value})" for value, action in plus_ids.STATES.items()), "no"),
    ("set_variable, set_multi_variables", "attributes of passwords", "AUTHENTICATE", "no"),
    ("set_variable, set_multi_variables, create_object", "attributes or classes of subscriptions", "SUBSCRIBE", "no"),
    ("set_variable, set_multi_variables, create_object, delete_object", "the session itself", "CONNECT", "no"),
    ("set_variable, set_multi_variables, create_object", "classes of blocks, attributes of code", "PROGRAM_DOWNLOAD", "yes"),
    ("set_var_substreamed", "neither session nor password", "PROGRAM_DOWNLOAD", "yes"),
    ("get_var_substreamed, get_multi_variables", "attributes of code", "PROGRAM_UPLOAD", "yes"),
    ("delete_object", "classes of blocks", "PROGRAM_DELETE", "yes"),
)
_LEFT_OUT = (
    ("Values of variables and attributes", "types and compression are not published and differ between firmware; the bytes are shown"),
    ("Integrity part of versions 2 and 3", "stepped over; it cannot be checked without the session key"),
    ("What is inside TLS", "from firmware 2.9 (V3 with InitSSL) on the messages are encrypted: that TLS starts is said, what it carries is not seen"),
    ("Names of objects and symbols", "they stand in the project or in explore answers; ids are shown"),
)


def reference() -> str:
    """Markdown below the head of the page."""
    rows = [("function", "name", "decoded fields", "action", "facts")]
    for number, name in spec.FUNCTIONS.items():
        facts = "order_number, firmware, serial, hardware" if number in _IDENTIFYING else ""
        rows.append((f"{number:#06x}" if number > 255 else f"{number:#04x}", code(name), _FIELDS.get(number, "area, "
        "object" if number > 0xFF else "value"),
                     plus_ids.ACTIONS.get(number, Action.OTHER).name, facts))
    return "\n".join((
        "Rides on TPKT and COTP like S7comm and is distinguished by its first byte, 0x72, or by the called TSAP `SIMATIC-ROOT-…`. Its flows, "
        "operations and "
        "assets say `s7comm-plus`. Nothing about it is published: what stands here is what the sources below and captures of S7-1200 and S7-1500 "
        "agree on.\n",
        "## Columns\n", table(("column", "what it is"), *((code(name).replace(", ", "`, `"), text) for name, text in _COLUMNS)),
        "## Functions\n", "Facts are read where an answer spells out an order number, or is the I&M0 record of a module.\n", table(*rows),
        "### What the object makes of it\n", "Before the action of the function. `inferred` stands in the value where the action is concluded from "
        "ids.\n",
        table(("function", "object", "action", "inferred"), *_MEANINGS),
        "## Left out\n", bullets(*_LEFT_OUT),
        "## tshark\n", "tshark without the plug-in has no dissector for it: it shows COTP data. The tests compare with the layout by hand.\n",
    ))
