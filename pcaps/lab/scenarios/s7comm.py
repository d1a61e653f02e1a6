"""S7comm: every dangerous operation in a small capture, and beside it the harmless twin that must stay quiet."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from scenarios.scenario import SNAP7, Scenario

if TYPE_CHECKING:
    from recording import Recording, Session


def polling(recording: Recording, cycles: int = 3) -> Session:
    hmi = recording.session("hmi", "s7comm", "plc-s7")
    for _ in range(cycles):
        cycle(hmi)
    return hmi


def cycle(hmi: Session) -> None:
    hmi.do("read", area="DB", db=1, start=0, count=32)
    hmi.do("read", area="M", start=0, count=8)
    hmi.do("read", area="I", start=0, count=4)
    hmi.do("read", area="Q", start=0, count=4)
    time.sleep(0.2)


def guest(recording: Recording) -> Session:
    return recording.session("guest", "s7comm", "plc-s7", expected="attack", kind="PG")


def engineer(recording: Recording) -> Session:
    return recording.session("eng", "s7comm", "plc-s7", expected="engineering", kind="PG")


def poll(recording: Recording) -> None:
    polling(recording, 8)


def write_operator(recording: Recording) -> None:
    hmi = polling(recording)
    for value in (42.5, 43.0):
        hmi.do("write_real", db=1, start=8, value=value, note="operator sets the pressure")
        cycle(hmi)


def write_stranger(recording: Recording) -> None:
    hmi = polling(recording)
    other = guest(recording)
    other.do("write", area="DB", db=1, start=8, data="447a0000")
    other.do("write", area="M", start=10, data="01")
    other.do("write", area="Q", start=0, data="ff")
    other.do("write", area="I", start=0, data="00")
    cycle(hmi)


def stop(recording: Recording) -> None:
    hmi = polling(recording)
    guest(recording).do("stop")
    cycle(hmi)


def start(recording: Recording) -> None:
    hmi = polling(recording)
    other = guest(recording)
    other.do("hot_start")
    other.do("cold_start")
    cycle(hmi)


def download(recording: Recording) -> None:
    hmi = polling(recording)
    other = guest(recording)
    other.do("download", db=200, data="00ff" * 250, note="accepted, two slices")
    other.do("insert_block", db=200)
    other.do("download_request", kind="OB", number=1, data="7007" * 20, note="refused by the PLC")
    other.do("download_request", kind="FC", number=7, data="7007" * 20, note="refused by the PLC")
    cycle(hmi)


def upload(recording: Recording) -> None:
    hmi = polling(recording)
    eng = engineer(recording)
    eng.do("list_blocks")
    eng.do("list_blocks_of_type")
    eng.do("block_info", db=1)
    eng.do("upload", db=1)
    eng.do("upload", db=2)
    cycle(hmi)


def delete(recording: Recording) -> None:
    polling(recording)
    guest(recording).do("delete_block", db=100)


def copy_to_rom(recording: Recording) -> None:
    polling(recording)
    guest(recording).do("copy_ram_to_rom")


def identify(recording: Recording) -> None:
    polling(recording)
    eng = engineer(recording)
    for call in ("cpu_info", "order_code", "protection", "get_clock"):
        eng.do(call)


def set_clock(recording: Recording) -> None:
    polling(recording)
    guest(recording).do("set_clock")


def password(recording: Recording) -> None:
    polling(recording)
    other = guest(recording)
    for word in ("siemens", "12345678", "admin", "s7-300", "basisk", "pass"):
        other.do("set_password", password=word)


PLC = ("plc-s7",)
SCENARIOS = tuple(
    Scenario("s7comm-" + name, shows, PLC, play, SNAP7)
    for name, shows, play in (
        ("poll", "benign: an HMI reads DB, M, I and Q areas", poll),
        ("write-operator", "benign: the HMI also writes a set point into its DB", write_operator),
        ("write-stranger", "attack: a host that never did so writes DB, M, Q and I", write_stranger),
        ("stop", "attack: a stranger stops the PLC (function 0x29)", stop),
        ("start", "attack: a stranger restarts the PLC warm and cold (PI service P_PROGRAM)", start),
        (
            "download",
            "attack: a stranger downloads a data block; OB1 and FC7 are refused (functions 0x1a, 0x1b, 0x1c)",
            download,
        ),
        ("upload", "benign: the engineering station lists and uploads blocks (functions 0x1d, 0x1e, 0x1f)", upload),
        ("delete", "attack: a stranger deletes a block (PI service _DELE)", delete),
        ("copy-to-rom", "attack: a stranger copies RAM to ROM (PI service _MODU)", copy_to_rom),
        ("identify", "benign: the engineering station reads SZL and clock", identify),
        ("set-clock", "attack: a stranger sets the PLC's clock", set_clock),
        ("password", "attack: a stranger tries session passwords", password),
    )
)
