"""DNP3 operations by yadnp3's master (opendnp3). The stack works in threads of its own; each call waits for its task.

At the start every opendnp3 master disables unsolicited responses, does an integrity poll and enables them
again, and it clears the restart bit when the outstation shows it: these are operations too (`startup_*`).
"""
# ruff: noqa: N802, ARG002  (callbacks: names and arguments are the stack's)

from __future__ import annotations

import threading
import time
from typing import Any

import opendnp3 as dnp
from actor import Client, emit
from hosts import DNP3_MASTER, DNP3_OUTSTATION

TASKS = {
    "DISABLE_UNSOLICITED": 21,
    "ENABLE_UNSOLICITED": 20,
    "STARTUP_INTEGRITY_POLL": 1,
    "CLEAR_RESTART": 2,
    "AUTO_EVENT_SCAN": 1,
}
CODES = {
    "latch_on": dnp.OperationType.LATCH_ON,
    "latch_off": dnp.OperationType.LATCH_OFF,
    "pulse_on": dnp.OperationType.PULSE_ON,
}
TRIPS = {"none": dnp.TripCloseCode.NUL, "trip": dnp.TripCloseCode.TRIP, "close": dnp.TripCloseCode.CLOSE}


class Application(dnp.IMasterApplication):  # type: ignore[misc]
    """Follows the tasks of the master: user tasks wake the waiting call, the others become operations."""

    def __init__(self, report: Any) -> None:
        super().__init__()
        self.report, self.begun, self.user, self.started = report, 0.0, threading.Event(), threading.Event()
        self.result = ""

    def OnTaskStart(self, kind: Any, id: Any) -> None:
        self.begun = time.time()

    def OnTaskComplete(self, info: Any) -> None:
        if info.type == dnp.MasterTaskType.USER_TASK:
            self.result = info.result.name
            self.user.set()
            return
        name = info.type.name
        self.report(name, self.begun, info.result.name)
        if name == "ENABLE_UNSOLICITED":
            self.started.set()


class Dnp3Client(Client):
    protocol, port = "dnp3", 20000

    def _task(self, name: str, begun: float, result: str) -> None:
        function = TASKS[name]
        emit(
            {
                "ts": begun,
                "ts_end": time.time(),
                "op": "startup_" + name.lower(),
                "port": self.port,
                "function": function,
                "functions": [function],
                "unit": DNP3_OUTSTATION,
                "master": self.master_address,
                "result": result,
            }
        )

    def connect(self) -> str:
        self.master_address = DNP3_MASTER[self.source.name]
        self.manager = dnp.DNP3Manager(1)
        retry = dnp.ChannelRetry(dnp.TimeDuration.Milliseconds(500), dnp.TimeDuration.Seconds(2))
        self.listener, self.application, self.handler = (
            dnp.IChannelListener(),
            Application(self._task),
            dnp.ISOEHandler(),
        )
        self.channel = self.manager.AddTCPClient(
            "c", dnp.LogLevels(0), retry, [dnp.IPEndpoint(self.target.ip, self.port)], "0.0.0.0", self.listener
        )
        config = dnp.MasterStackConfig()
        config.link.LocalAddr, config.link.RemoteAddr = self.master_address, DNP3_OUTSTATION
        config.master.responseTimeout = dnp.TimeDuration.Seconds(2)
        self.master = self.channel.AddMaster("m", self.handler, self.application, config)
        self.master.Enable()
        ok = self.application.started.wait(5)
        time.sleep(0.1)  # a first unsolicited response and its confirm
        return "ok" if ok else "error: start-up not finished"

    def close(self) -> None:
        self.manager.Shutdown()

    def _do(self, functions: list[int], begin: Any, **more: Any) -> str:
        self.fields |= {
            "function": functions[-1],
            "functions": functions,
            "unit": DNP3_OUTSTATION,
            "master": self.master_address,
            **more,
        }
        self.application.user.clear()
        begin()
        if not self.application.user.wait(4):
            return "error: no answer"
        time.sleep(0.02)
        return self.application.result.lower()

    def integrity(self) -> str:
        return self._do(
            [1], lambda: self.master.ScanClasses(dnp.ClassField(True, True, True, True), self.handler), area=60
        )

    def events(self) -> str:
        return self._do(
            [1], lambda: self.master.ScanClasses(dnp.ClassField(False, True, True, True), self.handler), area=60
        )

    def read_range(self, group: int, variation: int, start: int, stop: int) -> str:
        return self._do(
            [1],
            lambda: self.master.ScanRange(dnp.GroupVariationID(group, variation), start, stop, self.handler),
            area=group,
            object=variation,
            start=start,
            count=stop - start + 1,
        )

    def read_all(self, group: int, variation: int) -> str:
        return self._do(
            [1],
            lambda: self.master.ScanAllObjects(dnp.GroupVariationID(group, variation), self.handler),
            area=group,
            object=variation,
        )

    def _operate(self, functions: list[int], call: Any, command: Any, index: int, **more: Any) -> str:
        """One command; the result is the point's own status, which the task's result does not tell."""
        answers: list[list[Any]] = []

        def begin() -> None:
            call(command, index, lambda result: answers.append(result.to_list()))

        result = self._do(functions, begin, start=index, count=1, **more)
        return answers[0][0].status.name.lower() if result == "success" and answers and answers[0] else result

    def _switch(self, functions: list[int], call: Any, index: int, code: str, trip: str) -> str:
        command = dnp.ControlRelayOutputBlock(CODES[code], TRIPS[trip], False, 1, 100, 100)
        return self._operate(functions, call, command, index, area=12, object=1, value=f"{code}/{trip}")

    def _set(self, functions: list[int], call: Any, index: int, value: float) -> str:
        return self._operate(functions, call, dnp.AnalogOutputFloat32(value), index, area=41, object=3, value=value)

    def select_operate(self, index: int, code: str = "latch_on", trip: str = "none") -> str:
        return self._switch([3, 4], self.master.SelectAndOperate, index, code, trip)

    def direct_operate(self, index: int, code: str = "latch_on", trip: str = "none") -> str:
        return self._switch([5], self.master.DirectOperate, index, code, trip)

    def select_analog(self, index: int, value: float) -> str:
        return self._set([3, 4], self.master.SelectAndOperate, index, value)

    def direct_analog(self, index: int, value: float) -> str:
        return self._set([5], self.master.DirectOperate, index, value)

    def direct_operate_no_answer(self, index: int, code: int = 0x41) -> str:
        """One CROB (code 0x41: pulse on, close) by function 6; opendnp3 has no call for it but sends raw headers."""
        crob = bytes((12, 1, 0x17, 1, index, code, 1)) + (100).to_bytes(4, "little") * 2 + b"\x00"
        return self._perform(6, [dnp.Header.Raw(crob)], area=12, object=1, start=index, count=1, value=hex(code))

    def _perform(self, function: int, headers: list[Any], **more: Any) -> str:
        return self._do(
            [function], lambda: self.master.PerformFunction("op", dnp.FunctionCode(function), headers), **more
        )

    def cold_restart(self) -> str:
        return self._do([13], lambda: self.master.Restart(dnp.RestartType.COLD, lambda _: None))

    def warm_restart(self) -> str:
        return self._do([14], lambda: self.master.Restart(dnp.RestartType.WARM, lambda _: None))

    def disable_unsolicited(self) -> str:
        return self._perform(21, [dnp.Header.AllObjects(60, v) for v in (2, 3, 4)], area=60)

    def enable_unsolicited(self) -> str:
        return self._perform(20, [dnp.Header.AllObjects(60, v) for v in (2, 3, 4)], area=60)

    def initialize_data(self) -> str:
        return self._perform(15, [])

    def start_application(self) -> str:
        return self._perform(17, [])

    def stop_application(self) -> str:
        return self._perform(18, [])

    def freeze_clear(self) -> str:
        return self._perform(9, [dnp.Header.AllObjects(20, 0)], area=20)

    def write_time(self) -> str:
        now = int(time.time() * 1000)
        return self._perform(
            2, [dnp.Header.Raw(bytes((50, 1, 7, 1)) + now.to_bytes(6, "little"))], area=50, object=1, value=now
        )

    def read_file(self, name: str) -> str:
        return self._do([25, 1, 26], lambda: self.master.ReadFile(name, lambda *_: None), area=70, value=name)

    def write_file(self, name: str, data: str) -> str:
        permissions = dnp.FilePermissions()
        return self._do(
            [25, 2, 26],
            lambda: self.master.WriteFile(name, bytes.fromhex(data), permissions, lambda *_: None),
            area=70,
            value=name,
        )

    def delete_file(self, name: str) -> str:
        return self._do([27], lambda: self.master.DeleteFile(name, lambda *_: None), area=70, value=name)
