"""The reference page of S7comm, made of the tables that the dissector reads."""

from __future__ import annotations

from otwatch.markdown import bullets, code, table
from otwatch.protocols.s7comm import spec, szl
from otwatch.protocols.s7comm.blocks import LANGUAGES
from otwatch.protocols.s7comm.coverage import COVERED, LEFT_OUT
from otwatch.protocols.s7comm.errors import CLASSES, ERRORS
from otwatch.protocols.s7comm.services import SERVICES
from otwatch.protocols.s7comm.spec import Function

_COLUMNS = (
    ("unit", "Low byte of the called TSAP: rack in three bits, slot in five. The child `rack R slot S` in the inventory; none (-1) where the "
     "connect was "
     "not seen."),
    ("function", "Job function; of userdata, its function group; none (-1) of COTP connects and disconnects, -2 of an answer that names no "
     "function and "
     "whose request was not seen."),
    ("subfunction", "Of userdata its subfunction, of a PI service its number in the table of services, of COTP the TPDU type; else none, which tells "
     "function 4 (read_var) from group 4 (cpu)."),
    ("area", "Memory area, block type, or one of the areas that otwatch numbers itself (NCK, drive, symbolic)."),
    ("object", "DB or block number; SZL id; event id; R_ID; NCK area unit and module; called TSAP of a connect; parallel jobs of the called in a "
     "setup."),
    ("start", "Bit address (byte * 8 + bit); number of a timer or counter; SZL index; calling TSAP of a connect; parallel jobs of the caller in a "
     "setup."),
    ("count", "Elements of the transport size; bytes of a block part; records of a list; PDU bytes of a setup; TPDU bytes of a connect."),
    ("value", "By the transport size of the item: a number, a list of numbers, hexadecimal digits of bytes, text of CHAR. Passwords are never "
     "shown."),
    ("item", "Number of the item in a Read/Write Var, cyclic or variable job; a row each."),
    ("status", "Return code of the item, error class and code of the header, or error code of the userdata; see the table."),
    ("transaction", "PDU reference; of COTP connects the reference of the caller."),
    ("request_frame, latency_ns", "Of an answer: its request, by PDU reference. A cyclic push is an event and has none."),
)
_RECOGNITION = (
    "TPKT alone is not enough: RDP and H.323 use it too. A connect must name TSAPs, or its data must start as S7comm (0x32), S7comm-plus (0x72), "
    "OSI session "
    "or TLS. The rows then carry the protocol that was found: `s7comm`, `s7comm-plus` or `mms`, whatever the port. A connect whose TSAPs "
    "leave that open (slot 0, or a calling TSAP that is none of S7) is reported with the first data, with its own frame and time; without data, at "
    "the end of the connection, as its TSAP says. COTP fragments are put together. Blocks "
    "in transfer are reassembled, their header is read and their bytes are hashed: the fact `program_block`."
)
_LEFT_OUT = (
    ("Single-bit fields of SZL beyond the lists decoded below", "capability bits are shown as hexadecimal words"),
    ("Stacks, registers and block status of the programmer group", "answers of output_istack, bstack, lstack, block_status: their bytes are the "
     "value"),
    ("OB start information (SZL xy81, diagnostic buffer infos)", "stays bytes or numbers"),
    ("Texts of diagnostic events", "a catalogue of Siemens; the event id is shown"),
    ("Names of NCK modules, NC file headers", "area, unit, module number, column and line are shown; NC files as bytes"),
    ("Symbol CRC and path beyond the first LID (SYMBOLIC_1200)", "the first LID tells the variable; the rest says where in a structure"),
    ("Associated values of alarms", "signals, state, acknowledgements and time are shown"),
    ("COTP parameters of classes 1 to 4", "S7 and MMS use class 0; TSAPs and TPDU size are shown"),
    ("Reassembly bookkeeping of COTP (`cotp.segment*`)", "`frame` is where the message ended"),
    ("Error codes 0xE202 to 0xE206, 0xEF01, 0xEF02", "of redundant CPUs linking up; shown as numbers"),
    ("Function group 0x0F of tshark", "NC programming is 0x3F: six bits of group, of which tshark 4.0 takes four"),
)
_DISAGREEMENTS = (
    ("NC programming", "tshark 4.0 takes four bits of the function group and calls 0x3F group 15. The group has six bits (the type is the upper "
     "two)."),
    ("Userdata group", "the low six bits of parameter byte 5. Tools that read byte 4 get the method (0x11, 0x12) instead."),
    ("Answers without a function", "an ACK (ROSCTR 2) has no parameters; tshark shows no function, otwatch that of its request."),
)
_SZL_FACTS = {
    0x11: "order_number, hardware, firmware, boot_loader",
    0x1C: "name, module, plant, copyright, serial, model, memory_card_serial, location, vendor",
    0x19: "leds", 0x74: "leds", 0x24: "state", 0x31: "connections", 0x32: "protection, mode_switch", 0x37: "ip, mac, gateway",
}


def _row(number: str, function: Function) -> tuple[str, str, str, str, str]:
    return number, code(function.name), function.fields, function.action.name, function.facts


def _functions() -> str:
    head = ("function", "name", "decoded fields", "action", "facts")
    cotp = [("none (-1)", code(name), "unit, object (called TSAP), start (calling TSAP), count (TPDU bytes), value (both TSAPs)" if kind in
             (spec.Cotp.CR, spec.Cotp.CC) else "status (reason)", "CONNECT", "") for kind, name in spec.COTP_NAMES.items() if kind not in
            (spec.Cotp.DT, spec.Cotp.ED, spec.Cotp.AK, spec.Cotp.EA)]
    return table(head, *cotp, *(_row(f"{number:#04x}", function) for number, function in spec.FUNCTIONS.items() if number))


def _userdata() -> str:
    rows = [_row(f"{group:#04x} {spec.GROUPS[group]} / {number:#04x}", function) for (group, number), function in spec.SUBFUNCTIONS.items()]
    return table(("group / subfunction", "name", "decoded fields", "action", "facts"), *rows)


def _lists() -> str:
    rows = [("list", "name", "index", "fields of a record", "facts")]
    for number, name in szl.LISTS.items():
        layouts = [(index, layout) for (partial, index), layout in szl.LAYOUTS.items() if partial == number] or [(-1, ())]
        for index, layout in layouts:
            which = "" if len(layouts) == 1 else "others" if index < 0 else str(index)
            fields = ", ".join(name for name, _kind in layout) or "bytes"
            rows.append((f"xy{number:02X}", code(name), which, fields, _SZL_FACTS.get(number, "") if index == layouts[-1][0] else ""))
    return table(*rows)


def _statuses() -> str:
    rows = [("status", "meaning")]
    rows += [(f"{number:#04x}", code(name)) for number, name in spec.RETURN_CODES.items()]
    rows += [(f"{number:#06x}", code(name)) for number, name in ERRORS.items()]
    rows += [(f"{number:#04x}xx, not listed", code(f"{name}_error:0x{number:02x}..")) for number, name in CLASSES.items()]
    rows += [(f"reason {number} of a disconnect", code(f"disconnected:{name}")) for number, name in spec.DISCONNECT_REASONS.items()]
    rows.append(("cause of a COTP error or reject", "`tpdu_error:N`"))
    return table(*rows)


def reference() -> str:
    """Markdown below the head of the page."""
    services = [("number", "on the wire", "name", "arguments", "action")]
    services += [(str(number), code(service.wire), code(service.name), ", ".join(service.arguments), service.action.name)
                 for number, service in enumerate(SERVICES)]
    sizes = [("size", "name", "bits of one")] + [(str(number), code(name), str(bits)) for number, (name, bits) in spec.TRANSPORT_SIZES.items()]
    data = [("size", "name", "length counts")]
    data += [(str(number), code(name), "bits" if bits else "bytes") for number, (name, bits) in spec.DATA_SIZES.items()]
    return "\n".join((
        _RECOGNITION + "\n",
        "## Columns\n", table(("column", "what it is"), *((code(name).replace(", ", "`, `"), text) for name, text in _COLUMNS)),
        "## Functions\n",
        "Called TSAPs of two bytes are connection type (" + ", ".join(f"{number} {name}" for number, name in spec.CONNECTION_TYPES.items())
        + "), rack and slot.\n",
        _functions(),
        "### Userdata\n", "A subfunction that is not in the table keeps its group's name and action: `cpu_0x7f`.\n", _userdata(),
        "### PI services (function 0x28)\n", table(*services),
        "### Items of Read/Write Var\n", "Syntaxes: " + ", ".join(f"{number:#04x} {name}" for number, name in spec.SYNTAXES.items()) + ".\n",
        table(*sizes), "Transport sizes of data:\n", table(*data),
        "### Blocks\n",
        "Types: " + ", ".join(f"{number:#04x} {name}" for number, name in spec.BLOCK_TYPES.items()) + ". Languages: "
        + ", ".join(f"{number} {name}" for number, name in LANGUAGES.items()) + ".\n",
        "A fact `program_block` says block, direction, language, lengths, times, author, family, name, version, checksum and, of a whole transfer, "
        "the hash.\n",
        "### System status lists (group cpu, read_szl)\n",
        "An id is class, extract and list: 0x0131 and 0x0F31 are extracts of list 31. Lists without fields here are shown as bytes. Reading "
        + ", ".join(f"xy{number:02X}" for number in sorted(szl.IDENTIFYING)) + " is IDENTIFY, any other DIAGNOSE.\n",
        _lists(),
        "## Statuses\n", _statuses(),
        "## Fields of tshark\n", "By the start of their names; the longest start holds.\n",
        table(("field of tshark", "here"), *((code(f"s7comm.{name}"), where) for name, where in COVERED.items())),
        "### Left out\n", table(("field of tshark", "why"), *((code(f"s7comm.{name}"), why) for name, why in LEFT_OUT.items())), bullets(*_LEFT_OUT),
        "Every other number that `tshark -G values` names is named here (a test compares them).\n",
        "## Where tshark says otherwise\n",
        "On the captures of [tshark.md](../tshark.md) PDUs and items are equal; these are differences in naming and "
        "numbering.\n", bullets(*_DISAGREEMENTS),
    ))
