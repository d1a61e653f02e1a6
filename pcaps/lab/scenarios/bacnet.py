"""BACnet/IP: a workstation at work, and what an unknown host does to a controller."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from scenarios.scenario import Scenario

if TYPE_CHECKING:
    from recording import Recording, Session


def polling(recording: Recording, cycles: int = 4) -> Session:
    hmi = recording.session("hmi", "bacnet", "ahu")
    for number in range(cycles):
        cycle(hmi, wait_s=2 if number else 0)
    return hmi


def cycle(hmi: Session, wait_s: float = 2) -> None:
    time.sleep(wait_s)
    for kind, number in (("analog-input", 1), ("analog-value", 1), ("binary-output", 1)):
        hmi.do("read", kind=kind, number=number, name="present-value")


def poll(recording: Recording) -> None:
    polling(recording, 6)


def identify(recording: Recording) -> None:
    eng = recording.session("eng", "bacnet", "ahu")
    eng.do("who_is")
    for name in ("object-name", "vendor-name", "model-name", "firmware-revision", "object-list"):
        eng.do("read", kind="device", number=1001, name=name)


def write_operator(recording: Recording) -> None:
    hmi = polling(recording, 6)
    hmi.do("write", kind="analog-value", number=1, name="present-value", value=20.5, note="operator lowers the set point")
    cycle(hmi)


def unknown(recording: Recording, *calls: tuple[str, dict[str, object]]) -> None:
    """The workstation polls, an unknown host does `calls`, the workstation polls on."""
    hmi = polling(recording)
    other = recording.session("guest", "bacnet", "ahu", expected="attack")
    for call, args in calls:
        other.do(call, **args)
    cycle(hmi)


def write_unknown(recording: Recording) -> None:
    unknown(
        recording,
        ("write", {"kind": "binary-output", "number": 1, "name": "present-value", "value": "active", "priority": 2}),
        ("write", {"kind": "analog-value", "number": 1, "name": "present-value", "value": 35.0}),
    )


def override(recording: Recording) -> None:
    unknown(recording, ("write", {"kind": "analog-value", "number": 1, "name": "out-of-service", "value": True}))


def reinitialize(recording: Recording) -> None:
    unknown(recording, ("reinitialize", {"state": "coldstart"}))


def silence(recording: Recording) -> None:
    unknown(recording, ("communication", {"state": "disable"}))


def foreign(recording: Recording) -> None:
    unknown(recording, ("foreign", {}))


def walk(recording: Recording) -> None:
    unknown(recording, ("walk", {"count": 12}))


def _scenario(name: str, shows: str, play: object) -> Scenario:
    return Scenario(f"bacnet-{name}", shows, ("ahu",), play)  # type: ignore[arg-type]


SCENARIOS = [
    _scenario("poll", "benign: a workstation reads present values", poll),
    _scenario("identify", "benign: the engineering station looks for devices and reads who they are", identify),
    _scenario("write-operator", "benign: the workstation changes a set point", write_operator),
    _scenario("write-unknown", "attack: an unknown host switches an output at high priority and changes a set point", write_unknown),
    _scenario("override", "attack: an unknown host takes a point out of service", override),
    _scenario("reinitialize", "attack: an unknown host orders a cold start", reinitialize),
    _scenario("silence", "attack: an unknown host disables the communication of the controller", silence),
    _scenario("foreign", "attack: an unknown host registers as a foreign device", foreign),
    _scenario("walk", "attack: an unknown host reads object after object that is not there", walk),
]
