"""The reference page of CIP, made of the tables that the dissector reads."""

from __future__ import annotations

from otwatch.markdown import bullets, code, table
from otwatch.protocols.cip import spec

_COLUMNS = (
    ("unit", "Slot of the module, where the route is the backplane (port 1) and a link; any other route has a name (`path 1,0,2,192.168.1.10`, null "
     "in records). None: the device itself."),
    ("function", "Service without its response bit; 256 for I/O data."),
    ("subfunction", "Class of a service above 0x31, which means something else in each class. Of Reset: its type."),
    ("area", "Class; tags are of class `symbol`."),
    ("object", "Instance, or the name of the tag (null in records; `object_name` has it)."),
    ("start", "Attribute; of attribute lists the first. Of tags the first element, which is the last index of the name. Of Forward_Open and "
     "Forward_Close the connection serial number."),
    ("count", "Elements of a tag, attributes of a list, bytes of I/O data."),
    ("value", "Elements of tags by their type, attributes of common objects, parameters of a connection; other data as hexadecimal digits."),
    ("item", "Place in a Multiple_Service_Packet."),
    ("status", "General status, with the first word of the extended status; `ok` too where more of an answer follows (6). "
     "`error:encapsulation` where EtherNet/IP refused the message."),
    ("transaction", "Sender context, as a number, or sequence count of the connection."),
    ("request_frame, latency_ns", "Of a response: its request, by sender context, or by connection and sequence count, the oldest first."),
)
_LEFT_OUT = (
    ("Structures of tags", "their members are in templates that the controller keeps: shown as hexadecimal digits"),
    ("Data of vendors' classes", "services are named as far as they are public, their data are shown as hexadecimal digits"),
    ("I/O data", "counted by connection, with lost cycles and other senders; the bytes of the first packet only"),
    ("CIP Safety, CIP Motion", "their data are not decoded; their connections are"),
)


def reference() -> str:
    """Markdown below the head of the page."""
    common = [(f"{service:#04x}", code(name), action.name) for service, (name, action) in spec.COMMON.items()]
    own = [(f"{class_:#04x} {spec.class_name(class_)}", f"{service:#04x}", code(name), action.name)
           for (class_, service), (name, action) in sorted(spec.SPECIFIC.items())]
    return "\n".join((
        "Rides on EtherNet/IP (`enip`): every unconnected message, every message of a connection, and I/O data. What is packed is unpacked: the "
        "service in an Unconnected_Send is the row, with the route as its unit; each service in a Multiple_Service_Packet is a row.",
        "", "## Columns", "", table(("column", "holds"), *((code(name).replace(", ", "`, `"), text) for name, text in _COLUMNS)),
        "", "## Functions of all classes", "",
        "Reads are IDENTIFY on the classes identity, TCP/IP and Ethernet link. Writes are TIME_SET on clocks, CONFIGURE on the classes that make a "
        "device reachable or identify it. Create and delete are PROGRAM_DOWNLOAD and PROGRAM_DELETE on classes of programs.", "",
        table(("service", "name", "action"), *common),
        "", "## Functions of one class", "", table(("class", "service", "name", "action"), *own),
        "", "## I/O", "",
        "One row (`io_data`, REPORT, an event) per connection and direction, at its first packet. Packets missing by sequence number, going back, "
        "from another host or network card, or resumed after the timeout, are counted; a row of anomalies stands for the first, and for each "
        "doubling.",
        "", "## Left out", "", bullets(*_LEFT_OUT),
    ))
