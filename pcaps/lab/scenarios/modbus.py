"""Modbus: every dangerous operation in a small capture, and beside it the harmless twin that must stay quiet."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from scenarios.scenario import Scenario

if TYPE_CHECKING:
    from recording import Recording, Session


def polling(recording: Recording, cycles: int = 3) -> Session:
    hmi = recording.session("hmi", "modbus", "plc-mb")
    for _ in range(cycles):
        cycle(hmi)
    return hmi


def cycle(hmi: Session) -> None:
    hmi.do("read_coils", start=0, count=16)
    hmi.do("read_discrete", start=0, count=16)
    hmi.do("read_holding", start=100, count=10)
    hmi.do("read_input", start=0, count=16)
    hmi.do("read_input", start=0, count=4, unit=2)
    time.sleep(0.2)


def guest(recording: Recording) -> Session:
    return recording.session("guest", "modbus", "plc-mb", expected="attack")


def poll(recording: Recording) -> None:
    polling(recording, 8)


def write_operator(recording: Recording) -> None:
    hmi = polling(recording)
    hmi.do("write_register", start=100, value=450, note="operator sets the temperature")
    cycle(hmi)
    hmi.do("write_coil", start=2, value=True, note="operator switches pump 2")
    cycle(hmi)
    hmi.do("write_register", start=100, value=455, note="operator sets the temperature")
    cycle(hmi)


def write_stranger(recording: Recording) -> None:
    hmi = polling(recording)
    other = guest(recording)
    other.do("write_coil", start=2, value=False)
    other.do("write_register", start=100, value=900)
    other.do("write_coils", start=0, values=[True] * 10)
    other.do("write_registers", start=100, values=[1, 2, 3, 4])
    other.do("mask_write", start=101, and_mask=0x00FF, or_mask=0x1200)
    other.do("read_write", start=100, count=4, write_start=105, values=[7, 8])
    cycle(hmi)


def file_write(recording: Recording) -> None:
    polling(recording)
    guest(recording).do("write_file_record", file=4, record=1, data="0a0b0c0d0e0f")


def listen_only(recording: Recording) -> None:
    polling(recording)
    other = guest(recording)
    other.do("listen_only")
    time.sleep(0.3)


def restart_communication(recording: Recording) -> None:
    polling(recording)
    other = guest(recording)
    other.do("restart_communication", clear_log=False)
    other.do("restart_communication", clear_log=True)
    other.do("clear_counters")


def diagnostics(recording: Recording) -> None:
    polling(recording)
    eng = recording.session("eng", "modbus", "plc-mb", expected="engineering")
    eng.do("echo", data="a55a")
    eng.do("message_count")


def identify(recording: Recording) -> None:
    polling(recording)
    eng = recording.session("eng", "modbus", "plc-mb", expected="engineering")
    for code in (1, 2, 3):
        eng.do("device_identification", code=code)
    eng.do("report_server_id")


def scan_functions(recording: Recording) -> None:
    polling(recording)
    other = guest(recording)
    for function in (9, 10, 13, 14, 18, 19, 25, 33, 41, 42, 65, 66, 90, 91, 100, 125):
        other.do("raw", function=function)


def scan_addresses(recording: Recording) -> None:
    polling(recording)
    other = guest(recording)
    for start in range(0, 1000, 50):
        other.do("read_holding", start=start, count=50)


def scan_units(recording: Recording) -> None:
    polling(recording)
    other = guest(recording)
    for unit in range(1, 17):
        other.do("read_holding", start=0, count=1, unit=unit)


def exceptions(recording: Recording) -> None:
    hmi = polling(recording)
    hmi.do("read_holding", start=5000, count=2, note="a wrong tag in the HMI's project")
    cycle(hmi)
    hmi.do("read_holding", start=5000, count=2, note="a wrong tag in the HMI's project")
    cycle(hmi)


def brute_force(recording: Recording) -> None:
    hmi = polling(recording)
    other = guest(recording)
    for turn in range(30):
        other.do("write_coil", start=2, value=turn % 2 == 0)
    cycle(hmi)


PLC = ("plc-mb",)
SCENARIOS = tuple(
    Scenario("modbus-" + name, shows, PLC, play, quirks)
    for name, shows, play, quirks in (
        ("poll", "benign: an HMI polls coils, inputs and registers of two units (FC 1, 2, 3, 4)", poll, ()),
        ("write-operator", "benign: the HMI also writes set points and a coil (FC 5, 6)", write_operator, ()),
        ("write-stranger", "attack: a host that never did so writes (FC 5, 6, 15, 16, 22, 23)", write_stranger, ()),
        ("file-write", "attack: a stranger writes a file record (FC 21)", file_write, ()),
        (
            "listen-only",
            "attack: a stranger forces listen-only mode (FC 8/4)",
            listen_only,
            ("the server does not answer FC 8/4, as the specification says, but answers later requests all the same",),
        ),
        (
            "restart-communication",
            "attack: a stranger restarts communication and clears the log (FC 8/1, 8/10)",
            restart_communication,
            (),
        ),
        ("diagnostics", "benign: the engineering station reads diagnostic counters (FC 8/0, 8/11)", diagnostics, ()),
        ("identify", "benign: the engineering station identifies the PLC (FC 43/14, 17)", identify, ()),
        (
            "scan-functions",
            "attack: a stranger tries function codes and gets exception 1",
            scan_functions,
            ("the requests of the scan carry no data at all; tshark calls some of them malformed",),
        ),
        ("scan-addresses", "attack: a stranger walks the holding registers into exception 2", scan_addresses, ()),
        ("scan-units", "attack: a stranger tries the unit ids 1 to 16", scan_units, ()),
        ("exceptions", "benign: an HMI with one wrong tag gets exception 2 now and then", exceptions, ()),
        ("brute-force", "attack: a stranger toggles one coil 30 times", brute_force, ()),
    )
)
