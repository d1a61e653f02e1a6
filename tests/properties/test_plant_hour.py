"""An hour of a plant: 60 controllers, four masters at work, one attacker. That is one incident, whatever stands beside it is a handful of notes."""

from __future__ import annotations

import random
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from otwatch.engine.analysis import Analysis
from otwatch.engine.detector import Policy, RuleDetector, rules_of
from otwatch.limits import Limits

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))
import plant_wire as wire
from plant_wire import S7_OPENING, SYN, Actor, Host, Tcp, host

SECOND = 1_000_000_000
MASTERS = [host("00d0c9", f"10.20.1.{201 + number}") for number in range(4)]
CONTROLLERS = [host("0080f4" if number < 40 else "001b1b", f"10.20.1.{1 + number}") for number in range(60)]
ATTACKER = host("00e04c", "10.20.1.66")


def is_s7(controller: Host) -> bool:
    return controller.mac[:3] == bytes.fromhex("001b1b")


def opened(client: Host, controller: Host, port: int, rng: random.Random) -> tuple[Tcp, list[bytes]]:
    talk = Tcp(client, controller, port, 102 if is_s7(controller) else 502, [rng.getrandbits(31), rng.getrandbits(31)])
    frames = talk.open()
    for request, response in S7_OPENING if is_s7(controller) else ():
        frames += talk.exchange(request, response)
    return talk, frames


def read(controller: Host, number: int, place: int, rng: random.Random) -> tuple[bytes, bytes]:
    if is_s7(controller):
        return wire.s7_read(number, 1 + place % 3, 32 * (place // 3), rng.randbytes(32))
    return wire.modbus_read(number, 1, 100 * place, 20, rng.randbytes(40))


def written(controller: Host, number: int, place: int, value: int) -> tuple[bytes, bytes]:
    return wire.s7_write(number, 10, 2 * place, value) if is_s7(controller) else wire.modbus_write(number, 1, 1000 + place, value)


def master(
    client: Host, controller: Host, port: int, *, minutes: int, silent: range = range(0), writes: float = 0.002
) -> Callable[[random.Random], Actor]:
    """Reads four ranges every five seconds, now and then sets one of three points; the controller is switched off in the minutes `silent`."""

    def run(rng: random.Random) -> Actor:
        talk, frames = opened(client, controller, port, rng)
        yield rng.randrange(5 * SECOND), frames
        for number in range(12 * minutes):
            set_point = rng.random() < writes and number > 24
            said = written(controller, number, rng.randrange(3), rng.getrandbits(9)) if set_point else read(controller, number, number % 4, rng)
            frames = talk.exchange(*said)
            yield 5 * SECOND - rng.randrange(SECOND // 50), frames[:1] if number // 12 in silent else frames

    return run


def attacker(minute: int, stops: int) -> Callable[[random.Random], Actor]:
    """Looks for controllers, identifies them, reads them, writes to them, stops some; once more a quarter of an hour later."""

    def run(rng: random.Random) -> Actor:
        wait, port = minute * 60 * SECOND, 30_000
        for _ in range(2):
            for last in range(70, 200, 3):
                port += 1
                yield wait, [Tcp(ATTACKER, host("0080f4", f"10.20.1.{last}"), port, 502, [rng.getrandbits(31), 0]).packet(0, SYN)]
                wait = SECOND // 50
            for index, controller in enumerate(CONTROLLERS):
                port += 1
                talk, frames = opened(ATTACKER, controller, port, rng)
                yield wait, frames
                if not is_s7(controller):
                    found = b"\x2b\x0e\x01\x01\x00\x00\x03" + b"".join(bytes([n, 4]) + b"ACME" for n in range(3))
                    yield wait, talk.exchange(wire.modbus(1, 1, b"\x2b\x0e\x01\x00"), wire.modbus(1, 1, found))
                for place in range(12):
                    yield wait, talk.exchange(*read(controller, 10 + place, 40 + place, rng))
                for place in range(3):
                    yield wait, talk.exchange(*written(controller, 30 + place, place, 0))
                if is_s7(controller) and index % (20 // stops) == 0:
                    stop = struct.pack(">B5sB9s", 0x29, bytes(5), 9, b"P_PROGRAM")
                    yield wait, talk.exchange(wire.s7(1, 60, stop), wire.s7(3, 60, b"\x29"))
                yield wait, talk.close()
            wait = 15 * 60 * SECOND

    return run


def result_of(path: Path, actors: list[Callable[[random.Random], Actor]]):
    assert wire.write(path, wire.interleaved(actors, 1), 1 << 40) > 0
    analysis = Analysis(Limits())
    analysis.detector = RuleDetector(analysis.pipeline, Policy(rules=rules_of(proofs=False)))
    analysis.run([str(path)])
    return analysis.finish()


def plant(minutes: int) -> list[Callable[[random.Random], Actor]]:
    """Each controller is polled by two of the masters; number 7 is off for five minutes."""
    return [
        master(MASTERS[(number + turn) % 4], controller, 40_000 + 2 * number + turn, minutes=minutes, silent=range(20, 25 if number == 7 else 20))
        for number, controller in enumerate(CONTROLLERS)
        for turn in range(2)
    ]


@pytest.mark.slow
def test_one_attacker_in_an_hour_of_a_plant_is_one_incident(tmp_path):
    result = result_of(tmp_path / "hour.pcap", [*plant(60), attacker(30, 5)])
    incidents = [incident for incident in result.incidents if not incident.is_note]
    assert [incident.actor for incident in incidents] == ["10.20.1.66"], [incident.title for incident in incidents]
    assert {f"10.20.1.{1 + number}" for number in range(60)} <= {party.address for party in incidents[0].targets}
    notes = [(incident.severity.label, incident.title, incident.actor) for incident in result.incidents if incident.is_note]
    assert len(notes) <= 4, notes


@pytest.mark.slow
def test_masters_at_work_are_no_incident(tmp_path):
    result = result_of(tmp_path / "hour.pcap", plant(30))
    assert [incident.title for incident in result.incidents if not incident.is_note] == []
    assert len(result.incidents) <= 4
