"""IEC 60870-5-104: a control station at work, and what an unknown host does to the station."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from scenarios.scenario import Scenario

if TYPE_CHECKING:
    from recording import Recording, Session

LIB60870 = ("lib60870 answers commands to unknown objects with cause 47; it does not know reset process (105): cause 44",)


def polling(recording: Recording, cycles: int = 3) -> Session:
    hmi = recording.session("hmi", "iec104", "station")
    hmi.do("interrogation")
    for _ in range(cycles):
        cycle(hmi)
    return hmi


def cycle(hmi: Session) -> None:
    hmi.do("read", start=13)
    hmi.do("counters")
    time.sleep(2)


def poll(recording: Recording) -> None:
    polling(recording, 6)


def operate_operator(recording: Recording) -> None:
    hmi = polling(recording, 5)
    hmi.do("command", kind="double", start=102, value=2, select=True, note="operator closes breaker 2")
    cycle(hmi)
    hmi.do("command", kind="set_point", start=103, value=12.5, note="operator sets the tap")
    cycle(hmi)


def unknown(recording: Recording, *calls: tuple[str, dict[str, object]]) -> None:
    """The HMI polls, an unknown host does `calls` by hand, the HMI polls on."""
    hmi = polling(recording)
    other = recording.session("guest", "iec104", "station", expected="attack", by_hand=True)
    for call, args in calls:
        other.do(call, **args)
    cycle(hmi)


def operate_unknown(recording: Recording) -> None:
    unknown(recording, ("raw", {"kind": 45, "start": 101, "element": "01"}), ("raw", {"kind": 50, "start": 103, "element": "0000c84200"}))


def walk(recording: Recording) -> None:
    unknown(recording, *(("raw", {"kind": 45, "start": start, "element": "01"}) for start in range(96, 112)))


def stations(recording: Recording) -> None:
    unknown(recording, *(("raw", {"kind": 100, "start": 0, "element": "14", "station": station}) for station in range(40, 52)))


def reset(recording: Recording) -> None:
    unknown(recording, ("raw", {"kind": 105, "start": 0, "element": "01"}))


def clock(recording: Recording) -> None:
    unknown(recording, ("raw", {"kind": 103, "start": 0, "element": "0000000c01011a"}))


def stop_transfer(recording: Recording) -> None:
    unknown(recording, ("raw", {"kind": 100, "start": 0, "element": "14"}), ("raw_stop", {}))


def clock_operator(recording: Recording) -> None:
    hmi = polling(recording, 5)
    hmi.do("clock", note="the control station sets the clock")
    cycle(hmi)


def files(recording: Recording) -> None:
    unknown(recording, ("raw", {"kind": 122, "start": 0, "element": "01000002", "cause": 13}))


def _scenario(name: str, shows: str, play: object) -> Scenario:
    return Scenario(f"iec104-{name}", shows, ("station",), play, LIB60870)


SCENARIOS = [
    _scenario("poll", "benign: the control station interrogates and reads; values are reported spontaneously", poll),
    _scenario("operate-operator", "benign: the control station selects and executes, and sends a set point", operate_operator),
    _scenario("operate-unknown", "attack: an unknown host sends a single command and a set point", operate_unknown),
    _scenario("walk", "attack: an unknown host sends a command to object address after object address", walk),
    _scenario("stations", "attack: an unknown host interrogates common address after common address", stations),
    _scenario("reset", "attack: an unknown host orders the station's process to reset", reset),
    _scenario("clock", "attack: an unknown host sets the station's clock", clock),
    _scenario("clock-operator", "benign: the control station sets the station's clock", clock_operator),
    _scenario("stop-transfer", "attack: an unknown host interrogates and stops data transfer", stop_transfer),
    _scenario("files", "attack: an unknown host calls a file", files),
]
