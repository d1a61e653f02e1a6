"""The reference page of PROFINET IO, made of the tables that the dissector reads."""

from __future__ import annotations

from otwatch.markdown import bullets, code, table
from otwatch.protocols.pn_io import spec

_COLUMNS = (
    ("src, dst", "IP addresses of calls; MACs of alarms and cyclic data. Both are one asset where packets or ARP show that they belong together."),
    ("function", "Operation of the call; 16 alarm, 17 its acknowledgement, 18 the end of a relation by error, 32 cyclic data begin, 33 their status "
                 "changes, 48 clock synchronisation."),
    ("subfunction", "Index of a record, command of a control, type of an alarm, data status of cyclic data, type of the relation of a connect."),
    ("area", "API of a record; type of the relation of a connect; of alarms 1 high, 2 low."),
    ("object", "Index of a record; frame id of cyclic data."),
    ("start", "slot << 16 | subslot."),
    ("count", "Bytes of a record; submodules of a connect."),
    ("value", "The bytes of a record, identification (I&M) in words; of a connect the name of the controller's station."),
    ("item", "Place of the record in a write of several (index 0xE040): each has a row."),
    ("status", "`ok`, or why the device refused, by record; of an abort its two codes."),
    ("transaction", "Sequence number of the call."),
    ("request_frame, latency_ns", "Of a response: its call, found by activity and sequence number, whatever its ports."),
)
_ACTIONS = (
    ("connect, control, release", "CONNECT"), ("read of identification (I&M, 0xF840, …)", "IDENTIFY"), ("read of diagnosis", "DIAGNOSE"),
    ("other reads", "READ"), ("write between connect and the end of parameters, by the relation's own controller", "CONNECT"),
    ("write of a module's own records (below 0x8000)", "WRITE"), ("other writes, I&M among them", "CONFIGURE"), ("alarms, aborts", "ALARM"),
    ("cyclic data begin, status changes", "REPORT, or ALARM where the provider stops or its data are invalid"),
)
_FACTS = (
    ("connect: station and type of the relation", "name and role of the controller"), ("connect: expected modules", "module, of the device"),
    ("answer to connect", "role, and name where it is sent, of the device"),
    ("I&M0", "order_number, serial, hardware, firmware of slot 0; of other slots module"), ("I&M1 to I&M3", "plant, location, installed, descriptor"),
)
_LEFT_OUT = (
    ("Cyclic frames", "never a row each: a relation has a row when it begins and when its data status changes; lost cycles are anomalies"),
    ("Contents of cyclic data and of records", "their layout stands in the device's description (GSDML), not on the wire"),
    ("RT over UDP and fragments of frames", "counted, not read"),
)


def reference() -> str:
    """Markdown below the head of the page."""
    functions = [("function", "name"), *((str(number), code(name)) for number, name in spec.FUNCTIONS.items())]
    indexes = [("record", "name"), *((f"0x{number:04X}", name) for number, name in spec.INDEXES.items())]
    return "\n".join((
        "Two ways lead here: EtherType 0x8892 with the frame ids of cyclic data, alarms and clocks; and the RPC interfaces of PROFINET, which ride "
        "on [DCE/RPC over UDP](dcerpc.md), on port 34964 and those that are negotiated.",
        "", "## Columns", "", table(("column", "holds"), *_COLUMNS),
        "", "## Functions", "", table(*functions),
        "", "## Actions", "", table(("of", "action"), *_ACTIONS),
        "", "## Records", "", table(*indexes),
        "", "## Facts", "", table(("message", "fact"), *_FACTS),
        "", "## Left out", "", bullets(*_LEFT_OUT),
    ))
