"""The reference page of DNP3, made of the object library and the tables that the dissector reads."""

from __future__ import annotations

from otwatch.actions import Action
from otwatch.markdown import bullets, code, table
from otwatch.protocols.dnp3 import objects, spec
from otwatch.protocols.dnp3.coverage import COVERED, LEFT_OUT
from otwatch.protocols.dnp3.facts import KINDS

_COLUMNS = (
    ("unit", "Link address of the outstation, whoever sends: the child `outstation N` of its address in the inventory."),
    ("function", "Application function code; none (-1) for a frame of the link layer alone."),
    ("subfunction", "Of such a frame: `control & 0x4F`, bit 6 PRM and the link function. Else none."),
    ("area", "Object group, as a number; none where a message has no objects."),
    ("object", "Variation; 0 is any."),
    ("start", "Index of the first point; none for headers without a range (class data, all objects, counts)."),
    ("count", "Points. Objects whose indexes follow each other are one row; each command (g12, g41) and each object with a size prefix is its own."),
    ("value", "One entry per object, or that entry alone. Of requests only where the function carries octets (table of functions)."),
    ("item", "Number of the row within its message."),
    ("status", "What was wrong (table of statuses): internal indications of a response, the status of each command, file and authentication errors."),
    ("transaction", "Application sequence number."),
    ("request_frame, latency_ns", "Of a response: its request. Of an OPERATE: its SELECT. Of a CONFIRM: what it confirms."),
)
_RECOGNITION = (
    "A link header is 48 bits that have to fit (start octets and CRC), so DNP3 is found on any port and inside a stream that is picked up midway. "
    "After a "
    "wrong header the framer searches the next one; a frame whose data have a wrong CRC makes an anomaly and no operation, as an outstation "
    "ignores it. "
    "Transport segments are put together per link address and direction."
)
_LEFT_OUT = (
    ("Absolute time of g2v3 and g4v3", "shown as `relative_ms` alone: the common time (g51) it counts from is a row of its own before it"),
    ("The password of g70v2", "on purpose: the user is shown, the secret is not repeated"),
)
_DISAGREEMENTS = (
    ("Ends of g4v3, g43v1, g43v3 and g50v2", "tshark stops behind g4v3 and g50v2, and reads g43v1 and g43v3 otherwise than annex A and the real "
     "stacks do; "
     "what follows in the fragment is lost to it. otwatch is right."),
    ("malformed", "tshark stops inside objects that it cannot read, or takes the following octets for headers. otwatch is right."),
    ("retransmission", "tshark shows repeated bytes a second time, and passes over bytes that replace those of a spurious one. A receiver gets "
     "them once."),
    ("unshown", "tshark shows no objects for confirm, freezes at time, application, authentication and some file functions. otwatch does."),
    ("broken", "the fragment breaks the standard (range inverted, unknown qualifier or object, cut short): nothing behind it is sure. tshark "
     "guesses on, "
     "otwatch stops with an anomaly (4.2.2.7)."),
    ("wrap, leftover", "tshark 4.0 loses a fragment when the transport sequence goes from 63 to 0, and mixes its octets into a later one. otwatch "
     "is right "
     "(8.2: the sequence counts modulo 64)."),
    ("port", "tshark looks for DNP3 on port 20000 only."),
    ("unknown", "tshark does not know g120 and g51v2, nor what follows them."),
)


def _fields(function: int) -> str:
    if function in spec.NO_OBJECTS:
        return "none"
    if function in (129, 130, 131):
        return "indications; per object header: area, object, start, count, value"
    if function in spec.DATA_FUNCTIONS:
        return "per object header: area, object, start, count, value"
    if any(known == function for known, _group in spec.DATA_OBJECTS):
        return "per object header: area, object, start, count; value of g50"
    if spec.ACTIONS[function] == Action.FILE:
        return "per object header: area, object, count; value of g70, which has its size with it"
    return "per object header: area, object, start, count"


def _layout(group: int, variation: int) -> str:
    layout = objects.layout_of(group, variation)
    if layout == objects.NO_DATA:
        return "no octets"
    if layout == objects.SIZED:
        return "size prefix (qualifier 5B); decoded by its own structure, else hexadecimal"
    return ", ".join(code(field.replace(":", " ")) for field in layout.split())


def _functions() -> str:
    rows = [("function", "name", "decoded fields", "action", "answered", "facts")]
    for function, name in spec.FUNCTIONS.items():
        facts = ", ".join(sorted(set(KINDS.values()))) + " (of g0)" if function in (129, 130) else ""
        action = "that of its request; alone, by its objects" if function == 129 else spec.ACTIONS[function].name
        answered = "" if function >= 129 else "no" if function in spec.NO_RESPONSE else "yes"
        rows.append((f"{function} ({function:#04x})", code(name), _fields(function), action, answered, facts))
    return table(*rows)


def _object_actions() -> str:
    rows = [("function", "group", "action")]
    for (function, group), action in spec.OBJECT_ACTIONS.items():
        if (function, action) != (129, Action.READ):
            rows.append((code(spec.FUNCTIONS[function]), f"{group} {objects.GROUPS[group]}", action.name))
    return table(*rows)


def _statuses() -> str:
    rows = [("status", "meaning")]
    rows += [(code(f"control:{number}"), name) for number, name in spec.CONTROL_STATUSES.items() if number]
    rows += [(code(f"iin:{name}"), f"IIN{1 + bit // 8}.{bit % 8}: the request was wrong") for bit, name in enumerate(spec.INDICATIONS)
             if spec.IIN_ERRORS >> bit & 1]
    rows += [(code(f"file:{name}"), f"file status {number}") for number, name in spec.FILE_STATUSES.items() if number]
    rows += [(code(f"authentication:{name}"), f"error code {number}") for number, name in spec.AUTHENTICATION_ERRORS.items()]
    rows.append(("`link:busy`", "the data flow control bit of a link answer"))
    return table(*rows)


def _bits() -> str:
    by_bits: dict[tuple[str, ...], list[str]] = {}
    for group, names in objects.FLAGS.items():
        by_bits.setdefault(names, []).append(str(group))
    return table(("groups", *(f"bit {bit}" for bit in range(7))), *((", ".join(groups), *names[:7]) for names, groups in by_bits.items()))


def reference() -> str:
    """Markdown below the head of the page."""
    library = [("group", "variation", "what", "layout on the wire")]
    for (group, variation), (_layout_text, title) in objects.OBJECTS.items():
        library.append((f"{group} {objects.GROUPS[group]}", str(variation), title, _layout(group, variation)))
    for group in sorted(objects.STRING_GROUPS):
        library.append((f"{group} {objects.GROUPS[group]}", "1-255", "string", "as many octets as the variation says"))
    library.append(("0 device_attribute", "1-255", "attribute", "data type, length, octets"))
    attributes = [("variation", "attribute", "fact"), *((str(number), name, KINDS.get(number, "")) for number, name in objects.ATTRIBUTES.items())]
    link = [("control & 0x4F", "name", "action")]
    for number, name in spec.LINK_FUNCTIONS.items():
        action = spec.LINK_ACTIONS.get(number, Action.DIAGNOSE)
        carries = "user data: the rows are those of the application" if number in (0x43, 0x44) else action.name
        link.append((f"{number:#04x}", code(f"link:{name}"), carries))
    indications = [("indication", "name", "used")]
    for bit, name in enumerate(spec.INDICATIONS):
        used = "status of the response" if spec.IIN_ERRORS >> bit & 1 else "a row of its own when it "
        "changes" if spec.IIN_STATE >> bit & 1 else "value"
        indications.append((f"IIN{1 + bit // 8}.{bit % 8}", code(name), used))
    return "\n".join((
        _RECOGNITION + "\n",
        "## Columns\n", table(("column", "what it is"), *((code(name).replace(", ", "`, `"), text) for name, text in _COLUMNS)),
        "## Functions\n", _functions(),
        "What the object makes of it, before the action of the function. A response whose request was not seen is READ by the objects of static "
        "data, "
        "events and time. Group 120 in any function is AUTHENTICATE.\n",
        _object_actions(),
        "### Link functions\n", "Rows of frames without user data; a broadcast is to " + ", ".join(
            f"{address:#06x} ({how})" for address, how in spec.BROADCAST.items()) + ".\n", table(*link),
        "### Qualifiers\n", table(("qualifier", "meaning"), *((f"{number:#04x}", text) for number, text in spec.QUALIFIERS.items())),
        "### Internal indications\n", table(*indications),
        "## Objects\n",
        "Layouts in wire order, least significant octet first; `t48` is milliseconds since 1970 UTC, `bit` and `bit2` are packed, lowest first. "
        "The value "
        "of an object has the fields of its layout by name, flags as a list of those that are set.\n",
        table(*library),
        "Flags; bit 7 is the `state` of groups 1, 2, 10, 11, bits 6 and 7 that of 3 and 4:\n", _bits(),
        "A control octet (g12) is `operation` (" + ", ".join(spec.CONTROL_OPERATIONS.values()) + "), `queue`, `clear`, `trip_close` ("
        + ", ".join(spec.TRIP_CLOSE.values()) + ").\n",
        "### Device attributes (group 0)\n", table(*attributes),
        "## Statuses\n", _statuses(),
        "## Fields of tshark\n", "By the start of their names; the longest start holds.\n",
        table(("field of tshark", "here"), *((code(name), where) for name, where in COVERED.items())),
        "### Left out\n", table(("field of tshark", "why"), *((code(name), why) for name, why in LEFT_OUT.items())), bullets(*_LEFT_OUT),
        "Every function, object, qualifier and status number that `tshark -G values` names is named here (a test compares them).\n",
        "## Where tshark says otherwise\n", "Figures in [tshark.md](../tshark.md).\n", bullets(*_DISAGREEMENTS),
    ))
