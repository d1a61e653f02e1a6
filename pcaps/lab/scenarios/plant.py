"""The plant at work, and the attack that comes from the office network."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from scenarios.scenario import OPENDNP3, SNAP7, Scenario

if TYPE_CHECKING:
    from recording import Recording, Session

ALL = ("plc-mb", "plc-s7", "rtu", "hmi", "eng")
OT_PORTS = [22, 80, 102, 443, 502, 2404, 3389, 4840, 20000, 44818, 47808]
CYCLE_SECONDS = 0.5


class Operator:
    """The HMI: polls the three controllers in every cycle, as fast as a small SCADA does."""

    def __init__(self, recording: Recording) -> None:
        self.modbus: Session = recording.session("hmi", "modbus", "plc-mb")
        self.s7: Session = recording.session("hmi", "s7comm", "plc-s7")
        self.dnp3: Session = recording.session("hmi", "dnp3", "rtu")
        self.cycle = 0

    def poll(self, cycles: int = 1) -> None:
        for _ in range(cycles):
            begin = time.monotonic()
            self.modbus.do("read_holding", start=100, count=10)
            self.modbus.do("read_input", start=0, count=16)
            if self.cycle % 4 == 0:
                self.modbus.do("read_coils", start=0, count=16)
                self.modbus.do("read_discrete", start=0, count=16)
                self.modbus.do("read_input", start=0, count=4, unit=2)
            self.s7.do("read", area="DB", db=1, start=0, count=32)
            if self.cycle % 4 == 2:
                self.s7.do("read", area="M", start=0, count=8)
            if self.cycle % 6 == 0:
                self.dnp3.do("events")
            self.cycle += 1
            time.sleep(max(0.0, CYCLE_SECONDS - (time.monotonic() - begin)))

    def set_temperature(self, value: int) -> None:
        self.modbus.do("write_register", start=100, value=value, note="operator sets the temperature")

    def set_pressure(self, value: float) -> None:
        self.s7.do("write_real", db=1, start=8, value=value, note="operator sets the pressure")

    def switch_feeder(self, code: str) -> None:
        self.dnp3.do("select_operate", index=0, code=code, note="operator switches feeder 1, select before operate")

    def start_pump(self, running: bool) -> None:
        self.modbus.do("write_coil", start=2, value=running, note="operator switches pump 2")


def engineering(recording: Recording, operator: Operator) -> None:
    """What an engineering station may do without harm: identify, list, upload for the archive."""
    plc = recording.session("eng", "s7comm", "plc-s7", expected="engineering", kind="PG")
    for call in ("cpu_info", "order_code", "list_blocks", "list_blocks_of_type"):
        plc.do(call)
    operator.poll()
    plc.do("block_info", db=1)
    plc.do("upload", db=1)
    plc.do("upload", db=2)
    recording.close(plc)
    operator.poll()
    other = recording.session("eng", "modbus", "plc-mb", expected="engineering")
    other.do("device_identification")
    other.do("report_server_id")
    other.do("read_holding", start=0, count=20)
    recording.close(other)


def learn(recording: Recording) -> None:
    """A quiet half minute: everything here is allowed."""
    erp = recording.session("erp", "tcp", "hmi")
    operator = Operator(recording)
    operator.poll(6)
    operator.set_temperature(450)
    operator.poll(4)
    erp.do("http_get")
    operator.switch_feeder("latch_on")
    operator.poll(4)
    operator.set_pressure(42.5)
    operator.poll(4)
    engineering(recording, operator)
    operator.poll(4)
    operator.set_temperature(470)
    operator.start_pump(True)
    operator.poll(4)
    operator.switch_feeder("latch_off")
    erp.do("http_get")
    operator.poll(4)
    operator.set_pressure(43.5)
    operator.start_pump(False)
    operator.poll(6)
    recording.close(erp)


def attack(recording: Recording) -> None:
    """The same plant; an office PC scans, enters the engineering station by ssh and commands from there, then directly."""
    erp = recording.session("erp", "tcp", "hmi")
    operator = Operator(recording)
    operator.poll(6)
    operator.set_temperature(455)
    erp.do("http_get")
    operator.poll(2)
    reconnaissance(recording, operator)
    from_engineering_station(recording, operator)
    directly(recording, operator)
    operator.set_temperature(460)
    operator.set_pressure(42.0)
    operator.poll(2)
    operator.switch_feeder("latch_on")
    operator.poll(4)
    recording.close(erp)


def reconnaissance(recording: Recording, operator: Operator) -> None:
    scanner = recording.session("itpc", "tcp", "eng", expected="attack")
    scanner.do("scan", targets=["plc-mb", "plc-s7", "rtu", "eng"], ports=OT_PORTS, note="connect scan of OT ports")
    recording.close(scanner)
    operator.poll(2)


def from_engineering_station(recording: Recording, operator: Operator) -> None:
    """Every session is a process on the engineering station, started through a real ssh session from the office PC."""
    modbus = recording.session("eng", "modbus", "plc-mb", expected="attack", via="itpc")
    modbus.do("write_register", start=100, value=900, note="set point far beyond the operator's range")
    operator.poll()
    modbus.do("write_registers", start=110, values=[0, 0, 9999, 9999])
    modbus.do("write_coil", start=0, value=True)
    modbus.do("write_coils", start=8, values=[True] * 8)
    recording.close(modbus)
    operator.poll(2)
    dnp3 = recording.session("eng", "dnp3", "rtu", expected="attack", via="itpc")
    dnp3.do("direct_operate", index=1, code="pulse_on", trip="trip", note="trips a breaker")
    dnp3.do("direct_analog", index=0, value=0.0)
    operator.poll()
    dnp3.do("cold_restart")
    recording.close(dnp3)
    operator.poll(3)
    s7 = recording.session("eng", "s7comm", "plc-s7", expected="attack", via="itpc", kind="PG")
    s7.do("stop")
    operator.poll()
    s7.do("download", db=200, data="00ff" * 250, note="program download, accepted")
    s7.do("insert_block", db=200)
    s7.do(
        "download_request", kind="OB", number=1, data="7007" * 20, note="program download of code, refused by the PLC"
    )
    s7.do("cold_start")
    recording.close(s7)
    operator.poll(2)


def directly(recording: Recording, operator: Operator) -> None:
    modbus = recording.session("itpc", "modbus", "plc-mb", expected="attack")
    modbus.do("write_register", start=100, value=0)
    modbus.do("write_registers", start=100, values=[0] * 8)
    modbus.do("write_coil", start=3, value=False)
    recording.close(modbus)
    operator.poll(2)
    s7 = recording.session("itpc", "s7comm", "plc-s7", expected="attack", kind="PG")
    s7.do("write", area="DB", db=1, start=8, data="00000000")
    s7.do("stop")
    recording.close(s7)
    operator.poll(2)
    dnp3 = recording.session("itpc", "dnp3", "rtu", expected="attack")
    dnp3.do("direct_operate", index=0, code="latch_off")
    recording.close(dnp3)
    operator.poll(2)


SCENARIOS = (
    Scenario(
        "plant-learn",
        "the plant at work, benign only: polling, set points, select-operate, engineering upload",
        ALL,
        learn,
        SNAP7 + OPENDNP3,
    ),
    Scenario(
        "plant-attack",
        "the plant at work; an office PC scans, enters the engineering station by ssh, commands the "
        "controllers from there and directly",
        ALL,
        attack,
        SNAP7 + OPENDNP3,
    ),
)
