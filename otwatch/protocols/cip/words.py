"""Words for the numbers of rows: services by class, status, slots and routes, objects and tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from otwatch.names import NAMES, is_name
from otwatch.protocols.cip import spec

ATTRIBUTES: Final[Mapping[int, Mapping[int, str]]] = {  # of classes whose attributes change how a device works or talks
    spec.IDENTITY: {1: "vendor", 2: "device_type", 3: "product_code", 4: "revision", 5: "status", 6: "serial_number", 7: "product_name", 8: "state",
                    10: "heartbeat_interval"},
    spec.ASSEMBLY: {3: "data", 4: "size"},
    spec.TCPIP: {1: "status", 2: "configuration_capability", 3: "configuration_control", 4: "physical_link", 5: "interface_configuration",
                 6: "host_name", 8: "ttl", 9: "multicast_configuration", 10: "select_acd", 11: "last_conflict", 13: "encapsulation_timeout"},
    spec.ETHERNET_LINK: {1: "speed", 2: "flags", 3: "physical_address", 6: "interface_control", 9: "admin_state"},
    spec.CLOCK: {5: "date_time", 6: "time", 7: "utc_time", 8: "time_zone"},
}


def function_name(function: int, subfunction: int) -> str:
    """snake_case name of a service; those above 0x31 by their class."""
    if function == spec.RESET and subfunction in spec.RESETS:
        return spec.RESETS[subfunction]
    known = spec.SPECIFIC.get((subfunction, function))
    if known is not None and function >= 0x32:
        return known[0]
    if function in spec.COMMON or function == spec.IO_DATA:
        return spec.FUNCTIONS[function]
    return f"service_{function:02x}" if function >= 0 else ""


def status_name(status: int) -> str:
    """`ok`, or why a service was refused: `error:connection_failure:connection_in_use`."""
    if status == 0:
        return "ok"
    if status >= spec.REFUSED:
        return f"error:encapsulation:0x{status - spec.REFUSED:04x}"
    general, extended = status & 0xFF, status >> 8
    name = spec.GENERAL_STATUS.get(general, "vendor_specific" if general >= 0xD0 else f"0x{general:02x}")
    return f"error:{name}:{spec.EXTENDED_STATUS.get((general, extended), f'0x{extended:04x}')}" if extended else f"error:{name}"


def unit_name(unit: int) -> str:
    """How a module is called: by its slot, or by the route to it."""
    if unit < 0:
        return ""
    return f"path {NAMES.text(unit)}" if is_name(unit) else f"slot {unit}"


def object_name(row: Mapping[str, int]) -> str:
    """`Program:Main.Setpoint[3]`, `identity 1 attribute serial_number`, `connection_manager 1`."""
    area, object_, start, count = row["area"], row["object"], row["start"], row["count"]
    if is_name(object_):
        name = NAMES.text(object_)
        if start < 0:
            return name
        return f"{name}[{start}-{start + count - 1}]" if count > 1 else f"{name}[{start}]"
    if area < 0:
        return ""
    name = spec.class_name(area)
    if object_ >= 0:
        name += f" {object_}"
    if start < 0 or area == spec.CONNECTION_MANAGER:
        return name
    if area == spec.SYMBOL and object_ > 0:  # a tag by its number, and one of its elements
        return f"{name}[{start}]"
    known = ATTRIBUTES.get(area, {}).get(start)
    return f"{name} {known}" if known else f"{name} attribute {start}"
