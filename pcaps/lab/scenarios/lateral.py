"""From the office network into the plant: each way in a capture of its own, with its harmless twin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenarios.modbus import cycle, polling
from scenarios.plant import OT_PORTS
from scenarios.scenario import OPENDNP3, SNAP7, Scenario

if TYPE_CHECKING:
    from recording import Recording


def rdp(recording: Recording) -> None:
    """The commands come from the entered host itself; only their time after the remote session ties them to it."""
    hmi = polling(recording)
    desktop = recording.session("itpc", "tcp", "eng", expected="attack")
    desktop.do("rdp_open", user="engineer")
    desktop.do("rdp_input")
    cycle(hmi)
    modbus = recording.session("eng", "modbus", "plc-mb", expected="attack")
    modbus.do("write_register", start=100, value=900, note="during the remote desktop session")
    modbus.do("write_coil", start=2, value=False, note="during the remote desktop session")
    desktop.do("rdp_input")
    s7 = recording.session("eng", "s7comm", "plc-s7", expected="attack", kind="PG")
    s7.do("stop", note="during the remote desktop session")
    desktop.do("rdp_input")
    desktop.do("rdp_close")
    cycle(hmi)


def rdp_benign(recording: Recording) -> None:
    hmi = polling(recording)
    desktop = recording.session("itpc", "tcp", "eng")
    desktop.do("rdp_open", user="support")
    for _ in range(3):
        desktop.do("rdp_input")
        cycle(hmi)
    desktop.do("rdp_close")


def ssh(recording: Recording) -> None:
    hmi = polling(recording)
    modbus = recording.session("eng", "modbus", "plc-mb", expected="attack", via="itpc")
    modbus.do("write_registers", start=100, values=[900, 901])
    cycle(hmi)


def ssh_benign(recording: Recording) -> None:
    hmi = polling(recording)
    shell = recording.session("eng", "tcp", "hmi", via="erp")
    cycle(hmi)
    recording.close(shell)
    cycle(hmi)


def direct(recording: Recording) -> None:
    hmi = polling(recording)
    modbus = recording.session("itpc", "modbus", "plc-mb", expected="attack")
    modbus.do("read_holding", start=100, count=10)
    modbus.do("write_register", start=100, value=0)
    s7 = recording.session("itpc", "s7comm", "plc-s7", expected="attack", kind="PG")
    s7.do("stop")
    dnp3 = recording.session("itpc", "dnp3", "rtu", expected="attack")
    dnp3.do("direct_operate", index=0, code="latch_off")
    cycle(hmi)


def scan(recording: Recording) -> None:
    hmi = polling(recording)
    scanner = recording.session("itpc", "tcp", "eng", expected="attack")
    scanner.do("scan", targets=["plc-mb", "plc-s7", "rtu", "eng"], ports=OT_PORTS)
    cycle(hmi)


def web(recording: Recording) -> None:
    hmi = polling(recording)
    erp = recording.session("erp", "tcp", "hmi")
    for _ in range(3):
        erp.do("http_get")
        cycle(hmi)


ALL = ("plc-mb", "plc-s7", "rtu", "hmi", "eng")
SCENARIOS = tuple(
    Scenario("lateral-" + name, shows, ALL, play, SNAP7 + OPENDNP3)
    for name, shows, play in (
        (
            "rdp",
            "attack: remote desktop from IT into the engineering station, then Modbus writes and S7 stop from it",
            rdp,
        ),
        ("rdp-benign", "benign: remote desktop from IT into the engineering station, no command follows", rdp_benign),
        ("ssh", "attack: ssh from IT into the engineering station, then a Modbus write from it", ssh),
        ("ssh-benign", "benign: ssh from IT into the engineering station, no command follows", ssh_benign),
        ("direct", "attack: Modbus write, S7 stop and DNP3 direct operate straight from an IT host", direct),
        ("scan", "attack: an IT host tries 11 ports on each of four OT hosts", scan),
        ("web", "benign: an IT server fetches the HMI's web page through the firewall", web),
    )
)
