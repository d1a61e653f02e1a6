"""Schneider UMAS, the engineering protocol of Modicon controllers inside Modbus function 90 (0x5A).

Request: session byte (0 before a reservation), UMAS code, data. Response: session byte, 0xFE (done) or 0xFD (refused), data. Numbers
are little-endian. Schneider publishes nothing; the names are those on which the public analyses agree (M. Gomez "The Unity (UMAS)
protocol" parts I-V, 2017; Kaspersky ICS CERT "The secrets of Schneider Electric's UMAS protocol", 2022; Redpoint modicon-info).
Where they disagree: 0x30-0x32 are called "upload" (computer to controller) by the first and "download" by tools that speak from the
controller's side, 0x33-0x35 the reverse. otwatch goes by the bytes: a block transfer whose request carries the block is a download
towards the controller, one whose response carries it an upload, whatever its code; the opening and closing codes, which carry none,
follow the first source. One laboratory study has start and stop (0x40, 0x41) the other way round; three captures here and the other
sources have 0x40 start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from otwatch.actions import Action

DONE: Final = 0xFE
REFUSED: Final = 0xFD


@dataclass(frozen=True, slots=True, kw_only=True)
class UmasFunction:
    """One UMAS code."""

    code: int
    name: str
    action: Action
    note: str = ""


_TABLE: Final = (
    UmasFunction(code=0x01, name="umas_init_communication", action=Action.CONNECT, note="negotiates the frame size"),
    UmasFunction(code=0x02, name="umas_read_id", action=Action.IDENTIFY, note="model, firmware"),
    UmasFunction(code=0x03, name="umas_read_project_info", action=Action.IDENTIFY, note="project name, version, dates"),
    UmasFunction(code=0x04, name="umas_read_plc_info", action=Action.IDENTIFY, note="state, memory checksums"),
    UmasFunction(code=0x05, name="umas_read_loader_info", action=Action.IDENTIFY),
    UmasFunction(code=0x06, name="umas_read_card_info", action=Action.IDENTIFY, note="memory card"),
    UmasFunction(code=0x07, name="umas_read_block_info", action=Action.IDENTIFY),
    UmasFunction(code=0x0A, name="umas_repeat", action=Action.DIAGNOSE, note="echo"),
    UmasFunction(code=0x10, name="umas_take_reservation", action=Action.CONFIGURE, note="the station's name is in the data"),
    UmasFunction(code=0x11, name="umas_release_reservation", action=Action.CONFIGURE),
    UmasFunction(code=0x12, name="umas_keep_reservation", action=Action.CONNECT),
    UmasFunction(code=0x20, name="umas_read_memory_block", action=Action.READ),
    UmasFunction(code=0x21, name="umas_write_memory_block", action=Action.WRITE),
    UmasFunction(code=0x22, name="umas_read_variables", action=Action.READ),
    UmasFunction(code=0x23, name="umas_write_variables", action=Action.WRITE),
    UmasFunction(code=0x24, name="umas_read_coils_registers", action=Action.READ),
    UmasFunction(code=0x25, name="umas_write_coils_registers", action=Action.WRITE),
    UmasFunction(code=0x26, name="umas_data_dictionary", action=Action.BROWSE),
    UmasFunction(code=0x28, name="umas_read_physical_address", action=Action.READ),
    UmasFunction(code=0x29, name="umas_write_physical_address", action=Action.WRITE),
    UmasFunction(code=0x30, name="umas_initialize_upload", action=Action.PROGRAM_DOWNLOAD, note="towards the controller"),
    UmasFunction(code=0x31, name="umas_upload_block", action=Action.PROGRAM_DOWNLOAD, note="by who carries the bytes"),
    UmasFunction(code=0x32, name="umas_end_upload", action=Action.PROGRAM_DOWNLOAD),
    UmasFunction(code=0x33, name="umas_initialize_download", action=Action.PROGRAM_UPLOAD, note="out of the controller"),
    UmasFunction(code=0x34, name="umas_download_block", action=Action.PROGRAM_UPLOAD, note="by who carries the bytes"),
    UmasFunction(code=0x35, name="umas_end_download", action=Action.PROGRAM_UPLOAD),
    UmasFunction(code=0x36, name="umas_backup", action=Action.FILE, note="create, restore or remove a backup on the memory card"),
    UmasFunction(code=0x39, name="umas_read_ethernet_master_data", action=Action.READ),
    UmasFunction(code=0x40, name="umas_start_plc", action=Action.START),
    UmasFunction(code=0x41, name="umas_stop_plc", action=Action.STOP),
    UmasFunction(code=0x42, name="umas_initialize_plc", action=Action.RESTART),
    UmasFunction(code=0x50, name="umas_monitor_plc", action=Action.READ, note="reads and, by its data, writes variables"),
    UmasFunction(code=0x51, name="umas_monitor_plc_2", action=Action.OTHER),
    UmasFunction(code=0x58, name="umas_check_plc", action=Action.DIAGNOSE),
    UmasFunction(code=0x6D, name="umas_security", action=Action.AUTHENTICATE),
    UmasFunction(code=0x70, name="umas_read_io_object", action=Action.READ),
    UmasFunction(code=0x71, name="umas_write_io_object", action=Action.WRITE),
    UmasFunction(code=0x73, name="umas_get_module_status", action=Action.DIAGNOSE),
)

UMAS_TABLE: Final[Mapping[int, UmasFunction]] = {function.code: function for function in _TABLE}


def umas_name(code: int) -> str:
    """Name of a UMAS code; unknown ones by their number."""
    known = UMAS_TABLE.get(code)
    return known.name if known else f"umas_0x{code:02x}"


def station_name(data: bytes) -> str:
    """The engineering station's name in a reservation request: `data` from the session byte on."""
    if len(data) < 7 or data[1] != 0x10:
        return ""
    return data[7:7 + data[6]].decode("latin-1").rstrip("\x00 ")


def controller_identity(data: bytes) -> tuple[str, str]:
    """Model and firmware of a response to 0x02: `data` from the session byte on. Empty where they are not there."""
    if len(data) < 26 or data[1] != DONE:
        return "", ""
    return data[25:25 + data[24]].decode("latin-1").strip("\x00 "), f"{data[11]:x}.{data[10]:02x}"


def project_name(data: bytes) -> str:
    """Project name of a response to 0x03 with data 00: `data` from the session byte on."""
    if len(data) < 42 or data[1] != DONE or len(data) != 41 + data[40]:
        return ""
    return data[41:].decode("latin-1").rstrip("\x00 ")


def request_value(data: bytes) -> dict[str, Any]:
    """What a request says; `data` from the session byte on."""
    said: dict[str, Any] = {"session": data[0] if data else None, "data": data[2:].hex()}
    if station_name(data):
        said["station"] = station_name(data)
    return said


def response_value(data: bytes, code: int) -> dict[str, Any]:
    """What a response to a request with that UMAS code says."""
    said: dict[str, Any] = {"session": data[0] if data else None, "done": data[1] == DONE if len(data) > 1 else None, "data": data[2:].hex()}
    if code == 0x02:
        said["model"], said["firmware"] = controller_identity(data)
    elif code == 0x03 and project_name(data):
        said["project"] = project_name(data)
    return said
