"""EtherNet/IP operations: tags and data files by pycomm3, cyclic I/O by cm-ethernetip, and by hand what neither of them sends.

`sent` of an operation lists what left the client in order, each as [protocol, code]: encapsulation commands, CIP services (those inside an
unconnected send or a multiple service packet in its place) and, as command << 8 | function, PCCC. It is read from what the stacks give to send.
"""
# mypy: ignore-errors

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time

from actor import Client
from ethernetip.protocol.eip_scanner import EipScanner
from ethernetip.protocol.forward_open_config import ForwardOpenConfig
from hosts import HOSTS
from pycomm3 import CIPDriver, LogixDriver, SLCDriver

DRIVERS = {"logix": LogixDriver, "slc": SLCDriver, "cip": CIPDriver}
LOGICAL = {"class": 0x20, "instance": 0x24, "member": 0x28, "point": 0x2C, "attribute": 0x30}
MESSAGE_ROUTER, CONNECTION_MANAGER, PCCC = (b"\x20\x02", b"\x20\x06", b"\x20\x67")
REQUESTOR = b"\x07" + struct.pack("<HI", 0x1009, 0x77001009)


def path(*segments) -> bytes:
    """Logical segments as (name, number), symbols as text."""
    octets = b""
    for segment in segments:
        if isinstance(segment, str):
            octets += bytes((0x91, len(segment))) + segment.encode() + bytes(len(segment) % 2)
        else:
            name, number = segment
            octets += bytes((LOGICAL[name], number)) if number < 256 else bytes((LOGICAL[name] + 1, 0)) + struct.pack("<H", number)
    return octets


def request(service: int, where: bytes, data: bytes = b"") -> bytes:
    return bytes((service, len(where) // 2)) + where + data


def encapsulated(command: int, data: bytes = b"", *, session: int = 0, context: bytes = bytes(8)) -> bytes:
    return struct.pack("<HHII8sI", command, len(data), session, 0, context, 0) + data


def unconnected(message: bytes) -> bytes:
    """The data of a SendRRData."""
    return struct.pack("<IHHHHHH", 0, 10, 2, 0, 0, 0xB2, len(message)) + message


def unconnected_send(message: bytes, route: bytes = b"\x01\x00") -> bytes:
    padded = message + bytes(len(message) % 2)
    return request(
        0x52, path(("class", 6), ("instance", 1)), struct.pack("<BBH", 10, 240, len(message)) + padded + bytes((len(route) // 2, 0)) + route
    )


def codes(message: bytes) -> list[list]:
    """What a frame to send holds, by codes."""
    command, _ = struct.unpack_from("<HH", message)
    if command not in (0x6F, 0x70):
        return [["enip", command]]
    at, found = 32, []
    for _ in range(struct.unpack_from("<H", message, 30)[0]):
        kind, length = struct.unpack_from("<HH", message, at)
        if kind in (0xB1, 0xB2):
            found = services(message[at + 4 + 2 * (kind == 0xB1) : at + 4 + length])
        at += 4 + length
    return found


def services(message: bytes) -> list[list]:
    service, words = message[0], message[1]
    where, data = message[2 : 2 + 2 * words], message[2 + 2 * words :]
    if service == 0x52 and where[:2] == CONNECTION_MANAGER:
        return services(data[4 : 4 + struct.unpack_from("<H", data, 2)[0]])
    if service == 0x0A and where[:2] == MESSAGE_ROUTER:
        number, *starts = struct.unpack_from(f"<{1 + struct.unpack_from('<H', data)[0]}H", data)
        return [
            ["cip", 0x0A],
            *(one for start, end in zip(starts, [*starts[1:], len(data)], strict=True) for one in services(data[start:end]) if number),
        ]
    if service == 0x4B and where[:2] == PCCC:
        pccc = data[data[0] :]
        return [["pccc", pccc[0] << 8 | (pccc[4] if pccc[0] in (0x06, 0x07, 0x0F) else 0)]]
    return [["cip", service]]


class EnipClient(Client):
    protocol, port = "enip", 44818

    driver = scanner = socket = None
    session = 0

    # ---- sessions

    def connect(self, *, by: str = "logix", tags: bool = True) -> str:
        """`by`: a driver of pycomm3, `scanner` of cm-ethernetip, `hand`, or `nothing`."""
        self.sent: list[list] = []
        self.fields["by"] = by
        if by in DRIVERS:
            self.driver = DRIVERS[by](self.target.ip, **({"init_tags": tags} if by == "logix" else {}))
            send = self.driver._send
            self.driver._send = lambda message: (self._note(message), send(message))
            if not self.driver.open():
                return "error: not connected"
        elif by == "scanner":
            self.loop = asyncio.new_event_loop()
            threading.Thread(target=self.loop.run_forever, daemon=True).start()
            self.scanner = EipScanner()
            send = self.scanner._send_encapsulated

            async def noted(command, payload):
                self._note(encapsulated(int(command), payload))
                return await send(command, payload)

            self.scanner._send_encapsulated = noted
            self._wait(self.scanner.connect(self.target.ip))
        elif by == "hand":
            self._open()
        return "ok"

    def close(self) -> str:
        if self.driver is not None:
            self.driver.close()
        elif self.scanner is not None:
            self.sent.append(["enip", 0x66])
            self._wait(self.scanner.close())
        elif self.socket is not None:
            self.socket.close()
        return "ok"

    def call(self, name: str, args: dict) -> None:
        self.sent = []
        super().call(name, args)

    def _note(self, message: bytes) -> None:
        self.sent += codes(bytes(message))
        self.fields["sent"] = self.sent

    def _wait(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=15)

    # ---- tags and data files

    def read(self, tags: list[str]) -> str:
        self.fields["objects"] = tags
        return self._told(self.driver.read(*tags))

    def write(self, tag: str, value) -> str:
        self.fields |= {"objects": [tag], "value": value}
        return self._told(self.driver.write((tag, value)))

    @staticmethod
    def _told(result) -> str:
        errors = [one.error for one in (result if isinstance(result, list) else [result]) if one.error]
        return f"error: {errors[0]}" if errors else "ok"

    def tag_list(self) -> str:
        self.driver.get_tag_list()
        return "ok"

    def plc_info(self) -> str:
        self.driver.get_plc_info()
        self.driver.get_plc_name()
        return "ok"

    def module_info(self, slot: int) -> str:
        self.driver.get_module_info(slot)
        return "ok"

    def get_clock(self) -> str:
        return self._told(self.driver.get_plc_time())

    def set_clock(self, microseconds: int) -> str:
        self.fields["value"] = microseconds
        return self._told(self.driver.set_plc_time(microseconds))

    def processor_type(self) -> str:
        return "ok" if self.driver.get_processor_type() else "error: no answer"

    def generic(self, service: int, where: list, data: str = "", *, connected: bool = False) -> str:
        """A message of pycomm3 to (class, instance, attribute)."""
        self.fields |= {"function": service, "path": where, "data": data}
        return self._told(
            self.driver.generic_message(
                service=service,
                class_code=where[0],
                instance=where[1],
                attribute=where[2] if len(where) > 2 else b"",
                request_data=bytes.fromhex(data),
                connected=connected,
                route_path=False,
            )
        )

    # ---- cyclic I/O

    def own(self, seconds: float, rpi_us: int) -> str:
        """Forward open to the remote I/O, cyclic data both ways, forward close."""
        config = ForwardOpenConfig(150, 100, 110, 4, 8, rpi_us)

        async def play() -> None:
            connection = await self.scanner.forward_open(config)
            connection.write_dint(0, 1)
            await asyncio.sleep(seconds)
            await connection.close()

        self.fields |= {"rpi_us": rpi_us, "seconds": seconds}
        self._wait(play())
        return "ok"

    def begin_owning(self, rpi_us: int) -> str:
        """The same without an end."""
        self.connection = self._wait(self.scanner.forward_open(ForwardOpenConfig(150, 100, 110, 4, 8, rpi_us)))
        self.fields |= {"rpi_us": rpi_us, "connection_id": self.connection.ot_connection_id, "serial": self.connection.connection_serial}
        self.fields["originator"] = [self.connection.originator_vendor, self.connection.originator_serial]
        return "ok"

    def pause(self, seconds: float) -> str:
        """Sends no outputs for a while, longer than the timeout of the connection, then goes on."""

        async def play() -> None:
            self.connection._production_task.cancel()
            await asyncio.sleep(seconds)
            self.connection._production_task = asyncio.ensure_future(self.connection._production_loop())

        self._wait(play())
        return "ok"

    # ---- by hand

    def _open(self) -> None:
        self.socket = socket.create_connection((self.target.ip, self.port), timeout=3)
        answer = self._exchange(encapsulated(0x65, b"\x01\x00\x00\x00"))
        self.session = struct.unpack_from("<I", answer, 4)[0]

    def _exchange(self, message: bytes, *, answered: bool = True) -> bytes:
        self._note(message)
        self.socket.sendall(message)
        if not answered:
            return b""
        self.socket.settimeout(2)
        head = self._take(24)
        return head + self._take(struct.unpack_from("<H", head, 2)[0])

    def _take(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            part = self.socket.recv(size - len(found))
            if not part:
                raise ConnectionError("closed")
            found += part
        return found

    def raw(self, service: int, where: list, data: str = "", route: str | None = None) -> str:
        """One request by UCMM, with `route` inside an unconnected send."""
        self.fields |= {"function": service, "path": where, "data": data[:64]}
        message = request(service, path(*(one if isinstance(one, str) else tuple(one) for one in where)), bytes.fromhex(data))
        if route is not None:
            message = unconnected_send(message, bytes.fromhex(route))
        answer = self._exchange(encapsulated(0x6F, unconnected(message), session=self.session))
        status = answer[42] if len(answer) > 42 else -1
        return "ok" if status == 0 else f"error: status {status:#04x}"

    def pccc(self, command: int, data: str) -> str:
        """One PCCC command, `data` from its function on, in hexadecimal."""
        self.transaction = getattr(self, "transaction", 0x7700) + 1
        message = REQUESTOR + struct.pack("<BBH", command, 0, self.transaction) + bytes.fromhex(data)
        self.fields |= {"protocol": "pccc", "function": command, "data": data[:64]}
        answer = self._exchange(encapsulated(0x6F, unconnected(request(0x4B, path(("class", 0x67), ("instance", 1)), message)), session=self.session))
        status = answer[44 + answer[44] + 1] if len(answer) > 52 else -1
        return "ok" if status == 0 else f"error: status {status:#04x}"

    def encapsulation(self, command: int, data: str = "", *, answered: bool = True) -> str:
        """One encapsulation command on TCP."""
        self.fields["function"] = command
        try:
            answer = self._exchange(encapsulated(command, bytes.fromhex(data), session=self.session), answered=answered)
        except ConnectionError:
            return "error: closed"
        return f"error: status {answer[8]:#04x}" if answer and answer[8] else "ok"

    def octets(self, data: str) -> str:
        """A new session, then these octets as they are (SSSSSSSS is the session); whatever comes back within half a second."""
        self.socket.close()
        self._open()
        self.socket.sendall(bytes.fromhex(data.replace("SSSSSSSS", struct.pack("<I", self.session).hex())))
        self.socket.settimeout(0.5)
        try:
            return "ok" if self.socket.recv(4096) else "error: closed"
        except TimeoutError:
            return "error: no answer"

    def list_identity(self, addresses: list[str], context: str = "0000000000000000") -> str:
        """ListIdentity by UDP, to each address (a broadcast among them)."""
        broadcast = any(address.endswith(".255") for address in addresses)
        targets = [host.name for host in HOSTS.values() if host.ip in addresses or (broadcast and host.net == "ot")]
        self.fields |= {"function": 0x63, "addresses": addresses, "targets": targets}
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            one.settimeout(0.3)
            for address in addresses:
                message = encapsulated(0x63, context=bytes.fromhex(context))
                self._note(message)
                one.sendto(message, (address, self.port))
            found = 0
            try:
                while one.recv(2048):
                    found += 1
            except TimeoutError:
                return "ok" if found else "error: no answer"

    def io(self, connection_id: int, count: int, data: str) -> str:
        """Datagrams of cyclic I/O that are somebody else's."""
        self.fields |= {"connection_id": connection_id, "port": 2222}
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            for number in range(count):
                octets = struct.pack("<HI", number, 1) + bytes.fromhex(data)
                one.sendto(struct.pack("<HHHIIHH", 2, 0x8002, 8, connection_id, 90000 + number, 0xB1, len(octets)) + octets, (self.target.ip, 2222))
                time.sleep(0.05)
        return "ok"
