"""The reference page of BACnet/IP, made of the tables that the dissector reads."""

from __future__ import annotations

from otwatch.markdown import bullets, code, table
from otwatch.protocols.bacnet import spec

_COLUMNS = (
    ("unit", "Device on a routed network: network << 32 | its address there. None for the device at the IP address itself."),
    ("function", "Confirmed service; 256 + unconfirmed service; 512 + network layer message; 768 + BVLC function."),
    ("subfunction", "State of Reinitialize Device; of Device Communication Control 0 enable, 1 disable, 2 disable initiation."),
    ("area", "Object type."),
    ("object", "Instance."),
    ("start", "Property."),
    ("count", "Array index; none for the whole property. Of Who-Is: how many instances it asks for."),
    ("value", "The value written or read, with its priority where one is given."),
    ("item", "Place of the property in its message; a message that names no object has one row."),
    ("status", "`ok`, or `error:CLASS:CODE`, `reject:REASON`, `abort:REASON`; of Read Property Multiple by property."),
    ("transaction", "Invoke id; none of unconfirmed services."),
    ("request_frame, latency_ns", "Of a response: its request, found by invoke id and device."),
)
_MEANINGS = (
    ("write_property, write_property_multiple", "present_value of an output object", "CONTROL"),
    ("write_property, write_property_multiple", "out_of_service", "FORCE"),
    ("read_property, read_property_multiple", "identity of the device object", "IDENTIFY"),
    *(("reinitialize_device", name, action.name) for name, action in spec.REINITIALIZED.values()),
)
_LEFT_OUT = (
    ("Who sent a forwarded message", "rows show the broadcast management device that forwarded it; the address inside it is not interned"),
    ("BACnet on Ethernet (LLC 82), MS/TP and BACnet/SC", "other data links; BACnet/SC is TLS"),
    ("Parameters of alarms, files, lists and life safety", "the object is named; the rest is not decoded"),
    ("Vendors by number", "I-Am gives a number; the list of names is ASHRAE's"),
)


def reference() -> str:
    """Markdown below the head of the page."""
    functions = [("function", "name", "action")]
    for base, known in ((0, spec.CONFIRMED_SERVICES), (spec.UNCONFIRMED, spec.UNCONFIRMED_SERVICES), (spec.NETWORK, spec.NETWORK_MESSAGES),
                        (spec.BVLC, spec.BVLC_FUNCTIONS)):
        functions += [(str(base + number), code(name), action.name) for number, (name, action) in known.items()]
    facts = [("property of the device object", "fact"), ("I-Am: device object", "device_instance"), ("I-Am: vendor", "vendor_id"),
             *((spec.PROPERTIES[number], kind) for number, kind in spec.IDENTITY.items())]
    return "\n".join((
        "Known by a BVLC function whose length is that of the datagram, and behind it a network layer header of version 1 whose addresses, message "
        "or APDU fit. On any UDP port. Segmented messages are put together before they are read.",
        "", "## Columns", "", table(("column", "holds"), *_COLUMNS),
        "", "## Functions", "", table(*functions),
        "", "## Actions by object and value", "", table(("function", "of", "action"), *_MEANINGS),
        "", "## Facts", "", table(*facts),
        "", "## Left out", "", bullets(*_LEFT_OUT),
    ))
