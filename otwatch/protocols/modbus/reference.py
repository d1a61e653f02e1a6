"""The reference page of Modbus, made of the tables that the dissector reads."""

from __future__ import annotations

from otwatch.markdown import bullets, code, table
from otwatch.protocols.modbus.coverage import COVERED, LEFT_OUT
from otwatch.protocols.modbus.facts import OBJECT_FACTS
from otwatch.protocols.modbus.spec import (
    DIAGNOSTICS,
    EXCEPTIONS,
    FUNCTION_TABLE,
    IDENTIFICATION_OBJECTS,
    MEI_TYPES,
    READ_DEVICE_ID_CODES,
)
from otwatch.protocols.modbus.umas import UMAS_TABLE

_COLUMNS = (
    ("unit", "Unit identifier. 0 and 255 are the device at the address itself; every other is a device behind it (`unit 3`) in the inventory."),
    ("function", "Function code without the exception bit."),
    ("subfunction", "Function 8: its subfunction. Function 43: the MEI type. Function 90: the UMAS code (of a response, that of its request)."),
    ("area", "Which address space (table of areas below); a response has that of its request."),
    ("object", "File number (20, 21), read device id code (43/14), UMAS memory block or block of a program transfer; else none."),
    ("start", "First address, counted from 0 as on the wire; record of a file; FIFO pointer; object id of an identification; byte offset of UMAS "
     "memory."),
    ("count", "Coils, inputs or registers; bytes of UMAS memory and program blocks."),
    ("value", "Of a write: in the request. Of a read: in the response. See the next section."),
    ("item", "0, or the number of the item: sub-requests of 20 and 21; of 23, item 0 is the READ, item 1 the WRITE."),
    ("status", "`ok`, `exception:N` or `umas_error:N`; of responses."),
    ("transaction", "Transaction identifier of the MBAP header; none on a serial line behind TCP."),
    ("request_frame, latency_ns", "Of a response: the frame of its request, found by transaction (RTU: by order) and checked by unit and function."),
)
_UMAS_FACTS = {0x02: "vendor, model, firmware", 0x03: "plant", 0x10: "name (of the engineering station)"}
_RECOGNITION = (
    "Modbus/TCP and UDP are known by a length field that ends the bytes or leads to the next header, and by a function code whose data have a length "
    "that fits: TLS or HTTP on port 502 is not taken for it, Modbus on another port is found. RTU frames, from serial converters, are known by their "
    "CRC. A PDU that hides behind the fields of another within one length field is dissected too (anomaly `modbus.hidden-adu`)."
)
_DISAGREEMENTS = (
    ("A gap in a fuzzed stream (2 messages of one capture)",
     "after lost bytes tshark takes the start of the next segment for a message. otwatch asks for a known function or for a header behind it: an "
     "ADU may "
     "span segments (TCP 4.4.2.2), so a segment need not start with one. Both can be defended."),
    ("Ports", "tshark dissects port 502, and others when it is configured so. otwatch looks at the content."),
    ("Register values", "tshark offers signed, 32-bit and float readings by a setting; otwatch shows the 16-bit registers of the wire."),
)


def reference() -> str:
    """Markdown below the head of the page."""
    functions = [("function", "name", "area", "request", "response", "at most", "action", "facts", "clause")]
    for known in FUNCTION_TABLE.values():
        functions.append((
            f"{known.code} ({known.code:#04x})", code(known.name), known.area.name.lower() if known.area else "", known.request, known.response,
            str(known.max_count or ""), known.action.name, known.facts, known.clause,
        ))
    diagnostics = [("subfunction", "name", "action"), *((str(number), code(name), action.name) for number, (name, action) in DIAGNOSTICS.items())]
    types = [("MEI type", "name", "action"), *((str(number), code(name), action.name) for number, (name, action) in MEI_TYPES.items())]
    objects = [("object", "name", "fact"), *((str(number), name, OBJECT_FACTS.get(number, "")) for number, name in IDENTIFICATION_OBJECTS.items())]
    umas = [("code", "name", "action", "fields", "facts")]
    for function in UMAS_TABLE.values():
        umas.append((f"{function.code:#04x}", code(function.name), function.action.name, function.note, _UMAS_FACTS.get(function.code, "")))
    statuses = [("status", "meaning"), *((f"`exception:{number}`", name) for number, name in EXCEPTIONS.items()),
                ("`umas_error:N`", "UMAS refused (0xFD); N is its own error code, of which no list is public")]
    return "\n".join((
        _RECOGNITION + "\n",
        "## Columns\n", table(("column", "what it is"), *((code(name).replace(", ", "`, `"), text) for name, text in _COLUMNS)),
        "## Functions\n",
        "APP, TCP and SERIAL are the first three sources above. Codes that are not in the table are kept as rows too: `user_defined_65` to 72 and "
        "100 to "
        "110, `function_N` for others, `invalid_function_N` for 0 and above 127.\n",
        table(*functions),
        "### Diagnostics (function 8)\n", table(*diagnostics),
        "### Encapsulated interface (function 43)\n", table(*types),
        f"Read codes: {', '.join(f'{number} {name}' for number, name in READ_DEVICE_ID_CODES.items())}. Objects of a device identification "
        "(each PDU of a continued answer adds its own):\n",
        table(*objects),
        "### UMAS (function 90)\n",
        "The engineering protocol of Schneider's Modicon controllers. It is not published: the names are those on which public analyses agree. The "
        "direction of a program transfer goes by who carries the block's bytes, whatever the code.\n",
        table(*umas),
        "## Statuses\n", table(*statuses),
        "## Fields of tshark\n",
        table(("field of tshark", "here"), *((code(name), where) for name, where in COVERED.items())),
        "### Left out\n", table(("field of tshark", "why"), *((code(name), why) for name, why in LEFT_OUT.items())),
        "## Where tshark says otherwise\n", bullets(*_DISAGREEMENTS),
    ))
