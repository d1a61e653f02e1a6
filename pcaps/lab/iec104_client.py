"""IEC 60870-5-104 operations: by lib60870 (c104) as a control station, and by hand for what it does not send."""
# mypy: ignore-errors

from __future__ import annotations

import socket
import struct
import time

import c104
from actor import Client
from hosts import IEC104_STATION

TYPES = {"single": c104.Type.C_SC_NA_1, "double": c104.Type.C_DC_NA_1, "set_point": c104.Type.C_SE_NC_1, "step": c104.Type.C_RC_NA_1}
CODES = {"single": 45, "double": 46, "set_point": 50, "step": 47}
VALUES = {"single": bool, "double": c104.Double, "set_point": float, "step": c104.Step}


class Iec104Client(Client):
    protocol, port = "iec104", 2404

    client = None

    def connect(self, *, by_hand: bool = False) -> str:
        """STARTDT only: what is asked is decided by the scenario."""
        if by_hand:
            return self._connect_by_hand()
        self.client = c104.Client()
        self.connection = self.client.add_connection(ip=self.target.ip, port=self.port, init=c104.Init.NONE)
        self.station = self.connection.add_station(common_address=IEC104_STATION)
        self.client.start()
        for _ in range(50):
            if self.connection.is_connected:
                return "ok"
            time.sleep(0.1)
        return "error: not connected"

    def close(self) -> None:
        if self.client is not None:
            self.client.stop()
        else:
            self.socket.close()

    def _sent(self, kind: int, start: int = 0, station: int = IEC104_STATION) -> None:
        self.fields |= {"function": kind, "functions": [kind], "unit": station, "start": start}

    def interrogation(self) -> str:
        self._sent(100)
        return "ok" if self.connection.interrogation(common_address=IEC104_STATION) else "error: refused"

    def counters(self) -> str:
        self._sent(101)
        return "ok" if self.connection.counter_interrogation(common_address=IEC104_STATION) else "error: refused"

    def clock(self) -> str:
        self._sent(103)
        return "ok" if self.connection.clock_sync(common_address=IEC104_STATION) else "error: refused"

    def read(self, start: int) -> str:
        self._sent(102, start)
        return "ok" if self._point(start, c104.Type.M_ME_NC_1).read() else "error: refused"

    def command(self, kind: str, start: int, value: float, *, select: bool = False) -> str:
        self._sent(CODES[kind], start)
        if select:
            self.fields["functions"] = [CODES[kind], CODES[kind]]
        self.fields["value"] = value
        point = self._point(start, TYPES[kind])
        point.command_mode = c104.CommandMode.SELECT_AND_EXECUTE if select else c104.CommandMode.DIRECT
        point.value = VALUES[kind](value)
        return "ok" if point.transmit(cause=c104.Cot.ACTIVATION) else "error: refused"

    def _point(self, start: int, kind: c104.Type) -> c104.Point:
        return self.station.get_point(io_address=start) or self.station.add_point(io_address=start, type=kind)

    # ---- by hand

    def _connect_by_hand(self) -> str:
        self.socket = socket.create_connection((self.target.ip, self.port), timeout=3)
        self.number = self.received = 0
        self.socket.sendall(bytes.fromhex("680407000000"))
        return "ok" if self._answer(0x0B) else "error: no confirmation"

    def raw(self, kind: int, start: int, element: str, cause: int = 6, station: int = IEC104_STATION) -> str:
        """One ASDU with one object; `element` in hexadecimal."""
        self._sent(kind, start, station)
        asdu = struct.pack("<BBBBH", kind, 1, cause, 0, station) + start.to_bytes(3, "little") + bytes.fromhex(element)
        self.socket.sendall(struct.pack("<BBHH", 0x68, 4 + len(asdu), self.number << 1, self.received << 1) + asdu)
        self.number += 1
        return "ok" if self._answer(None) else "error: no answer"

    def raw_stop(self) -> str:
        """STOPDT."""
        self.fields |= {"function": 0x113, "functions": [0x113]}
        self.socket.sendall(struct.pack("<BBHH", 0x68, 4, 1, self.received << 1))
        self.socket.sendall(bytes.fromhex("680413000000"))
        return "ok" if self._answer(0x23) else "error: no confirmation"

    def _answer(self, octet: int | None) -> bool:
        """Reads APDUs until the U frame comes, or (None) an I frame."""
        self.socket.settimeout(1.0)
        try:
            while True:
                head = self._take(2)
                body = self._take(head[1])
                if body[0] & 1 == 0:
                    self.received = (body[0] >> 1 | body[1] << 7) + 1
                    if octet is None:
                        return True
                elif body[0] == octet:
                    return True
        except (TimeoutError, ConnectionError):
            return False

    def _take(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            part = self.socket.recv(size - len(found))
            if not part:
                raise ConnectionError("closed")
            found += part
        return found
