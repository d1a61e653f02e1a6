"""The reference page of PCCC, made of the tables that the dissector reads."""

from __future__ import annotations

from otwatch.markdown import bullets, code, table
from otwatch.protocols.pccc import spec

_COLUMNS = (
    ("unit", "As of the CIP message that carries the command: slot on a backplane, or a path; none for the device itself."),
    ("function", "Command (CMD) without the bit of a reply."),
    ("subfunction", "Function (FNC); none of commands that have none."),
    ("area", "Type of the file; of a word inside a structure (PRE and ACC of a timer) that word."),
    ("object", "Number of the file."),
    ("start", "Element. Of commands of PLC-2 the address."),
    ("count", "Elements; words of a word inside a structure, bytes where the type of the file is not known; of an address list its length."),
    ("value", "Elements written or read; of a masked write the bits by number; of a change of mode the mode."),
    ("item", "Place of the command in an execute multiple, of the address in a bit write."),
    ("status", "`ok`, `error:NAME` of the status byte (STS) or its extension, `error:cip:0x08` where CIP refused to execute."),
    ("transaction", "Transaction number (TNS)."),
    ("request_frame, latency_ns", "Of a reply: its command, found by transaction number and command."),
)
_MEANINGS = (
    *(("change_mode", name, action.name) for name, action in spec.CHANGE_MODE.values()),
    *(("set_cpu_mode", name, action.name) for name, action in spec.SET_CPU_MODE.values()),
    ("writes with a file type", "output_force, input_force", "FORCE"),
    ("writes with a file type", "ladder, online_editing", "PROGRAM_DOWNLOAD"),
    ("reads with a file type", "ladder, online_editing", "PROGRAM_UPLOAD"),
    ("writes with a file type", "real_time_clock", "TIME_SET"),
)
_FACTS = (("diagnostic status of SLC 500 and MicroLogix", "fact"), ("name", "model"), ("series and revision", "hardware"), ("mode", "state"))
_LEFT_OUT = (
    ("The type of a file in addresses of PLC-5", "the address says number and element; it is written `#7:0`"),
    ("Data of typed reads and writes (PLC-5)", "shown as bytes"),
    ("Parameters of diagnostic commands, of open file, of physical reads and writes", "the command is named; the rest is not decoded"),
    ("Diagnostic status of PLC-5 and older", "only SLC 500 and MicroLogix have a name in it"),
    ("read_address_list (FNC A3)", "not in the manual: a list of 16-bit addresses that engineering tools read; inferred from captures"),
    ("PCCC outside CIP", "DF1 on serial lines, services 4C and 4D of the PCCC object, and the sessions of old PLC-5 on TCP 2222"),
)


def reference() -> str:
    """Markdown below the head of the page."""
    functions = [("function", "subfunction", "name", "action")]
    functions += [(f"{command:#04x}", "", code(name), action.name) for command, (name, action) in spec.COMMANDS.items()]
    for command, known in spec.FUNCTIONS_OF.items():
        functions.append((f"{command:#04x}", "", code(spec.GROUPS[command]), "that of its function"))
        functions += [(f"{command:#04x}", f"{number:#04x}", code(name), action.name) for number, (name, action) in known.items()]
    files = [("file type", "letter", "area", "bytes of an element")]
    files += [(f"{kind:#04x}", letter, code(name), str(size) if size else "") for kind, (letter, name, size) in spec.FILE_TYPES.items()]
    return "\n".join((
        "Rides on CIP: the data of the service Execute PCCC (0x4B) of class 0x67. Addresses are written as people write them: `N7:0`, `T4:2.ACC`.",
        "", "## Columns", "", table(("column", "holds"), *_COLUMNS),
        "", "## Functions", "", table(*functions),
        "", "## Actions by file and value", "", table(("function", "of", "action"), *_MEANINGS),
        "", "## Files", "", table(*files),
        "", "## Facts", "", table(*_FACTS),
        "", "## Left out", "", bullets(*_LEFT_OUT),
    ))
