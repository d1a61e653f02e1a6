"""OPC UA: an HMI at work, on channels with and without security, and what an unknown host does to the server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from scenarios.scenario import Scenario

if TYPE_CHECKING:
    from recording import Recording, Session

ASYNCUA = ("asyncua reads the namespaces when it connects, and the state of the server every second; it offers buffers of 2 GB",)


def polling(recording: Recording, cycles: int = 6, **how: object) -> Session:
    hmi = recording.session("hmi", "opcua", "opc", **how)  # type: ignore[arg-type]
    for number in range(cycles):
        cycle(hmi, 2 if number else 0)
    return hmi


def cycle(hmi: Session, wait_s: float = 2) -> None:
    time.sleep(wait_s)
    hmi.do("read", many=["Speed", "Pressure", "Run"])


def poll(recording: Recording) -> None:
    polling(recording, 8)


def subscribe(recording: Recording) -> None:
    hmi = recording.session("hmi", "opcua", "opc")
    hmi.do("subscribe", seconds=12, many=["Speed", "Pressure", "Run"])


def engineer(recording: Recording) -> None:
    eng = recording.session("eng", "opcua", "opc", by_hand=True)
    eng.do("endpoints")
    eng.do("connect")
    eng.do("identify")
    eng.do("browse", name="ns=2;s=Pump", depth=2)


def write_operator(recording: Recording) -> None:
    hmi = polling(recording)
    hmi.do("write", name="SetPoint", value=1450.0, note="operator lowers the set point")
    hmi.do("start", speed=1450.0)
    cycle(hmi)


def recipe(recording: Recording) -> None:
    hmi = polling(recording, cycles=4, chunk=8192)
    hmi.do("write", name="Recipe", value="recipe 7: " * 3, note="30 kB, in four chunks")
    cycle(hmi)


def secured(recording: Recording, mode: str) -> None:
    hmi = polling(recording, mode=mode)
    hmi.do("write", name="SetPoint", value=1440.0)
    cycle(hmi)


def login(recording: Recording) -> None:
    hmi = polling(recording, user="operator", password="lab-password")
    hmi.do("write", name="SetPoint", value=1440.0)
    cycle(hmi)


def unknown(recording: Recording, *calls: tuple[str, dict[str, object]], by_hand: bool = False, mode: str = "") -> None:
    """The HMI polls, an unknown host does `calls`, the HMI polls on."""
    hmi = polling(recording, mode=mode)
    other = recording.session("guest", "opcua", "opc", expected="attack", by_hand=by_hand)
    for call, args in calls:
        other.do(call, **args)
    cycle(hmi)


def write_unknown(recording: Recording) -> None:
    unknown(recording, ("write", {"name": "SetPoint", "value": 2900.0}), ("write", {"name": "Run", "value": False}))


def call_unknown(recording: Recording) -> None:
    unknown(recording, ("start", {"speed": 2900.0}))


def walk(recording: Recording) -> None:
    unknown(recording, ("endpoints", {}), ("connect", {}), ("identify", {}), ("browse", {"name": "i=84", "depth": 5}), by_hand=True)


def scan(recording: Recording) -> None:
    unknown(recording, ("scan", {"count": 30}))


def delete(recording: Recording) -> None:
    unknown(recording, ("delete", {"name": "Alarm"}))


def clear_password(recording: Recording) -> None:
    unknown(recording, ("login", {"user": "operator", "password": "lab-password"}), by_hand=True)


def guess(recording: Recording) -> None:
    many = ["admin", "operator", "1234", "opcua"]
    unknown(recording, ("guess", {"user": "operator", "many": many}), by_hand=True)


def flood(recording: Recording) -> None:
    unknown(recording, ("channels", {"count": 32}), by_hand=True)


def sizes(recording: Recording) -> None:
    unknown(recording, ("hello", {"receive": 0xFFFFFFFF, "send": 0xFFFFFFFF}), ("hello", {"receive": 1, "send": 1}), by_hand=True)


def downgrade(recording: Recording) -> None:
    unknown(recording, ("write", {"name": "SetPoint", "value": 2900.0}), mode="SignAndEncrypt")


def _scenario(name: str, shows: str, play: object) -> Scenario:
    return Scenario(f"opcua-{name}", shows, ("opc",), play, ASYNCUA)  # type: ignore[arg-type]


SCENARIOS = [
    _scenario("poll", "benign: an HMI reads values", poll),
    _scenario("subscribe", "benign: an HMI subscribes to values", subscribe),
    _scenario("engineer", "benign: the engineering station asks for endpoints and servers, reads the build and browses the pump", engineer),
    _scenario("write-operator", "benign: an HMI writes a set point and calls a method", write_operator),
    _scenario("recipe", "benign: an HMI writes a recipe that takes several chunks", recipe),
    _scenario("signed", "benign: an HMI reads and writes on a channel that signs", lambda recording: secured(recording, "Sign")),
    _scenario(
        "encrypted", "benign: an HMI reads and writes on a channel that encrypts", lambda recording: secured(recording, "SignAndEncrypt")
    ),
    _scenario("login", "benign: an operator logs in with a password that is encrypted, and writes a set point", login),
    _scenario("write-unknown", "attack: an unknown host writes a set point and stops the pump", write_unknown),
    _scenario("call-unknown", "attack: an unknown host calls the method that starts the pump", call_unknown),
    _scenario("walk", "attack: an unknown host asks for endpoints, servers and build, and browses the address space", walk),
    _scenario("scan", "attack: an unknown host reads node after node that is not there", scan),
    _scenario("delete", "attack: an unknown host deletes a node", delete),
    _scenario("clear-password", "attack: an unknown host logs in with a stolen password, in clear text", clear_password),
    _scenario("guess", "attack: an unknown host tries password after password", guess),
    _scenario("flood", "attack: an unknown host opens channel after channel", flood),
    _scenario("sizes", "attack: an unknown host says hello with impossible buffers", sizes),
    _scenario("downgrade", "attack: an unknown host writes without security to a server whose HMI encrypts", downgrade),
]
