"""A client on one host: obeys JSON commands on standard input, answers with the operations it did. Real stacks only.

    python actor.py modbus|s7comm|dnp3|iec104|bacnet|enip|tcp SOURCE TARGET

A command is `{"call": name, "args": {...}}`. Each operation done is one line with `ts` (taken before the first
byte is sent), `ts_end` (after the answer) and the fields of the operation; `{"done": true}` ends the command.
A stack may add operations of its own accord (DNP3 start-up tasks): they are lines like the others.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from typing import Any

from hosts import HOSTS

_lock = threading.Lock()


def emit(line: dict[str, Any]) -> None:
    with _lock:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


class Client:
    """Base of the protocol clients: `call` runs a method by name, times it and emits its operation.

    A method returns the operation's fields. What it raises is the operation's result: a refusal by the
    server is part of the traffic, not a failure of the lab.
    """

    protocol = ""
    port = 0

    def __init__(self, source: str, target: str) -> None:
        self.source, self.target = HOSTS[source], HOSTS[target]

    def call(self, name: str, args: dict[str, Any]) -> None:
        self.fields: dict[str, Any] = {}
        begin = time.time()
        try:
            result = getattr(self, name)(**args) or "ok"
        except Exception as error:  # noqa: BLE001
            result = f"error: {type(error).__name__}: {error}"
        operation = {"ts": begin, "ts_end": time.time(), "op": name, "port": self.port, **self.fields, "result": result}
        emit(operation)


def main() -> None:
    protocol, source, target = sys.argv[1:4]
    logging.disable(logging.CRITICAL)
    if protocol == "modbus":
        from modbus_client import ModbusClient as Kind
    elif protocol == "s7comm":
        from s7_client import S7Client as Kind
    elif protocol == "dnp3":
        from dnp3_client import Dnp3Client as Kind
    elif protocol == "bacnet":
        from bacnet_client import BacnetClient as Kind
    elif protocol == "enip":
        from enip_client import EnipClient as Kind
    elif protocol == "opcua":
        from opcua_client import OpcuaClient as Kind
    elif protocol == "iec104":
        from iec104_client import Iec104Client as Kind
    elif protocol == "admin":
        from admin_client import AdminClient as Kind
    else:
        from tcp_client import TcpClient as Kind
    client: Client = Kind(source, target)
    emit({"done": True})
    for line in sys.stdin:
        command = json.loads(line)
        client.call(command["call"], command["args"])
        emit({"done": True})


if __name__ == "__main__":
    main()
