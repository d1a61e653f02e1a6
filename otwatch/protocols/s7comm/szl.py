"""System status lists: what a CPU says about itself (Siemens A5E02789976 chapter 34, "System Status Lists").

An SZL id is class, extract and list: 0x0131 and 0x0F31 are extracts of the list 0x31. A list is an id, an index, a record's length, the
number of records, the records. Layouts are data; one loop decodes them, and facts are taken from the decoded records.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from otwatch.protocols.s7comm.blocks import plain

HEADER_BYTES = 8
# Names of partial lists, by the low byte of the SZL id.
LISTS = {
    0x00: "all_lists", 0x11: "module_identification", 0x12: "cpu_characteristics", 0x13: "memory_areas", 0x14: "system_areas",
    0x15: "block_types", 0x16: "priority_classes", 0x17: "permitted_sdbs", 0x18: "io_configuration", 0x19: "leds",
    0x1C: "component_identification", 0x21: "interrupt_assignment", 0x22: "interrupt_status", 0x23: "priority_class_status",
    0x24: "modes", 0x25: "process_images", 0x31: "communication_capability", 0x32: "communication_status", 0x33: "diagnostics_logon",
    0x37: "ethernet_details", 0x71: "h_group", 0x74: "leds", 0x75: "switched_slaves", 0x81: "start_information", 0x82: "start_events",
    0x90: "dp_masters", 0x91: "module_status", 0x92: "rack_status", 0x94: "station_status", 0x95: "extended_dp_masters",
    0x96: "module_status_extended", 0xA0: "diagnostic_buffer", 0xB1: "module_diagnostics_0", 0xB2: "module_diagnostics_1_place",
    0xB3: "module_diagnostics_1_address", 0xB4: "slave_diagnostics",
}
IDENTIFYING = frozenset({0x11, 0x1C, 0x37})  # lists that tell who the device is: their reading is IDENTIFY
_MODES = {1: "STOP", 2: "STOP", 3: "STOP", 4: "STOP", 5: "STARTUP", 7: "STARTUP", 8: "RUN", 10: "HOLD", 13: "DEFECT"}
_SWITCH = {0: "none", 1: "RUN", 2: "RUN-P", 3: "STOP", 4: "MRES"}
LEDS = {
    1: "SF", 2: "INTF", 3: "EXTF", 4: "RUN", 5: "STOP", 6: "FRCE", 7: "CRST", 8: "BAF", 9: "USR", 10: "USR1", 11: "BUS1F", 12: "BUS2F",
    13: "REDF", 14: "MSTR", 15: "RACK0", 16: "RACK1", 17: "RACK2", 18: "IFM1F", 19: "IFM2F", 20: "BUS3F", 21: "MAINT", 22: "DC24V",
    128: "IF", 129: "UF", 130: "MF", 131: "CF", 132: "TF", 236: "APPL_STATE_RED", 237: "APPL_STATE_GREEN",
}
_COMPONENTS = {1: "name", 2: "module", 3: "plant", 4: "copyright", 5: "serial", 7: "model", 8: "memory_card_serial", 11: "location"}

# Fields of one record: name and kind. u1 u2 u4 numbers, t<n> text, x<n> bytes, clock 8 bytes BCD. The first is the index where the list has one.
_INDEX = ("index", "u2")
_STATUS_CLOCKS = tuple((f"clock{number}", "u4") for number in range(8))
LAYOUTS: dict[tuple[int, int], tuple[tuple[str, str], ...]] = {  # (list, index of the record or -1 for every other)
    (0x00, -1): (("szl_id", "u2"),),
    (0x11, -1): (_INDEX, ("order_number", "t20"), ("module_type", "u2"), ("version", "x2"), ("release", "x2")),
    (0x12, -1): (("characteristic", "u2"),),
    (0x13, -1): (_INDEX, ("code", "u2"), ("size", "u4"), ("mode", "u2"), ("granularity", "u2"), ("volatile", "u4"), ("volatile_used", "u4"),
                 ("volatile_block", "u4"), ("retentive", "u4"), ("retentive_used", "u4"), ("retentive_block", "u4")),
    (0x14, -1): (_INDEX, ("code", "u2"), ("quantity", "u2"), ("retentive", "u2")),
    (0x15, -1): (_INDEX, ("blocks", "u2"), ("kilobytes", "u2"), ("work_bytes", "u4")),
    (0x19, -1): (("led", "u2"), ("on", "u1"), ("blink", "u1")),
    (0x1C, 9): (_INDEX, ("manufacturer", "u2"), ("profile", "u2"), ("profile_type", "u2")),
    (0x1C, 10): (_INDEX, ("oem", "t26"), ("oem_id", "u2"), ("oem_additional", "u4")),
    **dict.fromkeys(((0x1C, 1), (0x1C, 2), (0x1C, 5)), (_INDEX, ("text", "t24"), ("reserved", "x8"))),
    (0x1C, 4): (_INDEX, ("text", "t26"), ("reserved", "x6")),
    (0x1C, -1): (_INDEX, ("text", "t32")),
    (0x24, -1): (("event", "u2"), ("trigger", "u1"), ("mode", "u1"), ("reserved", "x4"), ("start_1", "u1"), ("start_2", "u1"), ("start_3", "u1"),
                 ("start_4", "u1"), ("time", "clock")),
    (0x31, 1): (_INDEX, ("pdu_bytes", "u2"), ("connections", "u2"), ("mpi_baud", "u4"), ("bus_baud", "u4")),
    (0x31, 3): (_INDEX, ("functions", "x4"), ("consistent_bytes", "u2"), ("cyclic_jobs", "u2"), ("period_minimum", "u2"), ("period_maximum", "u2")),
    (0x31, -1): (_INDEX, ("functions", "x8")),
    (0x32, 1): (_INDEX, ("reserved_pg", "u2"), ("reserved_os", "u2"), ("used_pg", "u2"), ("used_os", "u2"), ("configured", "u2"),
                ("established", "u2"), ("free", "u2"), ("free_used", "u2"), ("load_percent", "u2")),
    (0x32, 2): (_INDEX, ("test_jobs", "u2")),
    (0x32, 4): (_INDEX, ("key_level", "u2"), ("parameter_level", "u2"), ("level", "u2"), ("switch", "u2"), ("start_switch", "u2"), ("reserved", "u2"),
                ("valid", "u2"), ("hardware_1", "u2"), ("hardware_2", "u2"), ("program_1", "u2"), ("program_2", "u2")),
    (0x32, 5): (_INDEX, ("extended", "u2"), ("automatic", "u2"), ("user_messages", "u2"), ("status_message", "u2")),
    (0x32, 6): (_INDEX, ("used", "x8"), ("fast", "u1"), ("instances", "u2"), ("multicast", "u2")),
    (0x32, 8): (_INDEX, ("cycle", "u2"), ("correction", "u2"), ("hours", "x16"), ("time", "clock")),
    (0x32, 11): (_INDEX, ("running", "x2"), ("overflow", "x2"), *_STATUS_CLOCKS),
    (0x32, 12): (_INDEX, ("running", "x2"), ("overflow", "x2"), *_STATUS_CLOCKS),
    (0x32, -1): (_INDEX,),
    (0x37, -1): (("address", "u2"), ("ip", "ip"), ("mask", "ip"), ("router", "ip"), ("mac", "mac"), ("source", "u1"), ("reserved", "u1"),
                 ("timestamp", "x8"), ("phys", "x16")),
    (0x74, -1): (("led", "u2"), ("on", "u1"), ("blink", "u1")),
    (0xA0, -1): (("event", "u2"), ("priority", "u1"), ("ob", "u1"), ("data_id", "u2"), ("info_1", "u2"), ("info_2", "u4"), ("time", "clock")),
}
_WIDTHS = {"u1": 1, "u2": 2, "u4": 4, "clock": 8, "ip": 4, "mac": 6}


def clock(text: bytes) -> str:
    """Eight bytes of BCD: year, month, day, hour, minute, second, milliseconds in three digits, weekday; the digits as they are."""
    digits = text.hex()
    if len(digits) < 16 or not digits[:15].isdigit():
        return digits
    century = "20" if digits[:2] < "90" else "19"
    return (f"{century}{digits[:2]}-{digits[2:4]}-{digits[4:6]}T{digits[6:8]}:{digits[8:10]}:{digits[10:12]}.{digits[12:15]}")


def _field(kind: str, text: bytes) -> Any:
    if kind[0] == "u":
        return int.from_bytes(text, "big")
    if kind[0] == "t":
        return plain(text)
    if kind == "clock":
        return clock(text)
    if kind == "ip":
        return ".".join(str(byte) for byte in text)
    if kind == "mac":
        return text.hex(":")
    return text.hex()


def record(partial: int, text: bytes) -> dict[str, Any]:
    """One record by its layout; a record cut short gives the fields that are whole, one of unknown layout its bytes."""
    index = int.from_bytes(text[:2], "big")
    layout = LAYOUTS.get((partial, index)) or LAYOUTS.get((partial, -1))
    if layout is None:
        return {"bytes": text.hex()}
    found: dict[str, Any] = {}
    at = 0
    for name, kind in layout:
        width = _WIDTHS.get(kind) or int(kind[1:])
        if kind[0] == "t":
            width = min(width, len(text) - at)
        if width <= 0 or at + width > len(text):
            break
        found[name] = _field(kind, text[at:at + width])
        at += width
    return found


def records(text: bytes) -> Iterator[dict[str, Any]]:
    """The records of a list with its header; at most as many as there are bytes for."""
    if len(text) < HEADER_BYTES:
        return
    length, count = int.from_bytes(text[4:6], "big"), int.from_bytes(text[6:8], "big")
    partial = text[1]
    for number in range(min(count, (len(text) - HEADER_BYTES) // length) if length else 0):
        at = HEADER_BYTES + number * length
        yield record(partial, text[at:at + length])


def decode(text: bytes) -> dict[str, Any] | None:
    """A list as a JSON-able value; of a request (four bytes) id and index; None if not even they are there."""
    if len(text) < 4:
        return None
    identity, index = int.from_bytes(text[:2], "big"), int.from_bytes(text[2:4], "big")
    found = {"szl_id": f"{identity:#06x}", "index": f"{index:#06x}", "list": LISTS.get(identity & 0xFF, "unknown")}
    return {**found, "records": list(records(text))} if len(text) >= HEADER_BYTES else found


def _release(version: str, release: str) -> str:
    """Firmware by its four bytes: a letter and three numbers, V3.2.6; boot loaders have a space for the first number, A 9.9."""
    letter, major, minor, patch = (int(text, 16) for text in (version[:2], version[2:], release[:2], release[2:]))
    lead = chr(letter) if 0x41 <= letter <= 0x5A else f"{letter}."
    return f"{lead} {minor}.{patch}" if major == 0x20 else f"{lead}{major}.{minor}.{patch}"


def _identification(entry: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """List 0x11: index 1 module, 6 hardware, 7 firmware, 0x81 boot loader. The version of a firmware is `V`, major, minor, patch."""
    index, order = entry.get("index"), entry.get("order_number", "")
    if index in (1, 6) and order:
        yield "order_number", order
    if "version" not in entry:
        return
    if index == 6 and entry["version"] != "0000":
        yield "hardware", str(int(entry["version"], 16))
    if index in (7, 0x81) and "release" in entry:
        yield ("firmware" if index == 7 else "boot_loader"), _release(entry["version"], entry["release"])


def _component(entry: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """List 0x1C: names that engineers gave, the serial number, the maker."""
    index = entry.get("index", 0)
    text = entry.get("text", "")
    if index in _COMPONENTS and text:
        yield _COMPONENTS[index], text
    if index == 4 and "siemens" in text.lower():
        yield "vendor", "Siemens"
    if index == 9 and entry.get("manufacturer") == 0x2A:  # PROFIBUS & PROFINET International, manufacturer id 42
        yield "vendor", "Siemens"


def _leds(entries: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Lists 0x19 and 0x74: the lamps that are lit."""
    lit = [LEDS.get(entry["led"] & 0xFF, str(entry["led"])) + (" flashing" if entry.get("blink") else "") for entry in entries
           if entry.get("on") and "led" in entry]
    if lit:
        yield "leds", ", ".join(lit)


def facts(text: bytes) -> list[tuple[str, str]]:
    """(kind, value) pairs that a list tells about the device."""
    partial = text[1] if len(text) >= HEADER_BYTES else 0
    entries = list(records(text))
    found: list[tuple[str, str]] = []
    if partial in (0x19, 0x74):
        return list(_leds(entries))
    for entry in entries:
        if partial == 0x11:
            found += _identification(entry)
        elif partial == 0x1C:
            found += _component(entry)
        elif partial == 0x24 and "mode" in entry:
            found.append(("state", _MODES.get(entry["mode"] & 15, f"mode {entry['mode'] & 15}")))
        elif partial == 0x32 and entry.get("index") == 4 and "switch" in entry:
            found.append(("protection", f"level {entry['level']}"))
            found.append(("mode_switch", _SWITCH.get(entry["switch"], str(entry["switch"]))))
        elif partial == 0x37 and "mac" in entry:
            found += [("ip", entry["ip"]), ("mac", entry["mac"])]
            if int.from_bytes(bytes(map(int, entry["router"].split(".")))) and entry["router"] != entry["ip"]:
                found.append(("gateway", entry["router"]))
        elif partial == 0x31 and entry.get("index") == 1 and "connections" in entry:
            found.append(("connections", str(entry["connections"])))
    return [(kind, value) for kind, value in found if value]
