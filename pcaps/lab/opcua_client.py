"""OPC UA operations by asyncua, in an event loop of its own thread; and by hand for what it does not send."""

from __future__ import annotations

import asyncio
import socket
import struct
import tempfile
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from actor import Client
from asyncua import Client as Stack
from asyncua import ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from opcua_server import certificate

SPACE = 2
MOST = 40  # nodes of a walk: a capture is small
READ, WRITE, CALL, BROWSE, DELETE_NODES = 631, 673, 712, 527, 500


class OpcuaClient(Client):
    protocol, port = "opcua", 4840

    client: Stack | None = None

    @property
    def url(self) -> str:
        return f"opc.tcp://{self.target.ip}:{self.port}/pump/"

    def connect(self, mode: str = "", user: str = "", password: str = "", *, chunk: int = 0, by_hand: bool = False) -> str:
        """A session: `mode` Sign or SignAndEncrypt, else without security; messages are sent in chunks of `chunk` bytes."""
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        if not by_hand:
            self._wait(self._session(mode, user, password))
        if chunk and self.client is not None:
            self.client.uaclient.protocol._connection._limits.max_send_buffer = chunk  # the stack has no option for it
        return "ok"

    async def _session(self, mode: str, user: str, password: str) -> None:
        client = Stack(self.url, timeout=5)
        client.name = client.description = f"Lab {self.source.name}"
        client.application_uri = f"urn:lab:{self.source.name}"
        client.product_uri = "urn:lab:products:viewer"
        if user:
            client.set_user(user)
            client.set_password(password)
        if mode:
            with tempfile.TemporaryDirectory() as folder:
                cert, key = await certificate(Path(folder), self.source.name, client.application_uri, self.source.ip)
                await client.set_security(SecurityPolicyBasic256Sha256, cert, key, mode=ua.MessageSecurityMode[mode])
        await client.connect()
        self.client = client

    def _wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=30)

    def close(self) -> None:
        if self.client is not None:
            self._wait(self.client.disconnect())

    def _sent(self, function: int, *nodes: str, count: int = 1) -> None:
        self.fields |= {"function": function, "functions": [function] * count, "objects": list(nodes)}

    def _node(self, name: str) -> Any:
        assert self.client is not None
        return self.client.get_node(name if "=" in name else f"ns={SPACE};s=Pump.{name}")

    # ---- what an HMI does

    def read(self, *names: str, many: list[str] | None = None) -> str:
        """One read of several values."""
        nodes = [self._node(name) for name in many or names]
        self._sent(READ, *(node.nodeid.to_string() for node in nodes))
        assert self.client is not None
        self._wait(self.client.read_values(nodes))
        return "ok"

    def write(self, name: str, value: Any) -> str:
        node = self._node(name)
        self._sent(WRITE, node.nodeid.to_string())
        self.fields["value"] = value if not isinstance(value, str) else f"{len(value)} characters"
        if name == "Recipe":
            value = ua.Variant(bytes(value, "ascii") * 1000, ua.VariantType.ByteString)
        self._wait(node.write_value(ua.DataValue(value if isinstance(value, ua.Variant) else ua.Variant(value))))
        return "ok"

    def start(self, speed: float) -> str:
        """Calls the method."""
        self._sent(CALL, f"ns={SPACE};s=Pump.Start")
        assert self.client is not None
        pump = self.client.get_node(f"ns={SPACE};s=Pump")
        self._wait(pump.call_method(self._node("Start").nodeid, speed))
        return "ok"

    def subscribe(self, seconds: float, many: list[str]) -> str:
        """Values that change are reported for a while."""
        self.fields |= {"function": 787, "functions": [787, 751]}
        self._wait(self._subscribed(seconds, [self._node(name) for name in many]))
        return "ok"

    async def _subscribed(self, seconds: float, nodes: list[Any]) -> None:
        class Heard:
            def datachange_notification(self, node: Any, value: Any, data: Any) -> None:
                pass

        assert self.client is not None
        subscription = await self.client.create_subscription(500, Heard())
        await subscription.subscribe_data_change(nodes)
        await asyncio.sleep(seconds)
        await subscription.delete()

    def identify(self) -> str:
        """Build of the server."""
        self._sent(READ, "i=2260")
        self._wait(self._node("i=2260").read_value())
        return "ok"

    def endpoints(self) -> str:
        """Who is there, on connections of their own."""
        self.fields |= {"function": 428, "functions": [428, 422]}
        client = Stack(self.url, timeout=5)
        self._wait(client.connect_and_get_server_endpoints())
        self._wait(client.connect_and_find_servers())
        return "ok"

    def browse(self, name: str = "i=85", depth: int = 1) -> str:
        """The address space from a node on."""
        self.fields |= {"function": BROWSE, "functions": [BROWSE]}
        self.fields["count"] = self._wait(self._walked(self._node(name), depth, set()))
        self.fields["functions"] = [BROWSE] * self.fields["count"]
        return "ok"

    async def _walked(self, node: Any, depth: int, seen: set[Any]) -> int:
        if node.nodeid in seen or depth == 0 or len(seen) >= MOST:
            return 0
        seen.add(node.nodeid)
        return 1 + sum([await self._walked(child, depth - 1, seen) for child in await node.get_children()])

    # ---- what an attacker does

    def scan(self, count: int) -> str:
        """Reads node after node that may be there."""
        self._sent(READ, count=count)
        for number in range(count):
            try:
                self._wait(self._node(f"ns={SPACE};i={number + 1}").read_value())
            except ua.UaStatusCodeError:
                continue
        return "ok"

    def delete(self, name: str) -> str:
        node = self._node(name)
        self._sent(DELETE_NODES, node.nodeid.to_string())
        assert self.client is not None
        self._wait(self.client.delete_nodes([node]))
        return "ok"

    def guess(self, user: str, many: list[str]) -> str:
        """A session for each password."""
        self.fields |= {"function": 467, "functions": [467] * len(many)}
        refused = 0
        for password in many:
            try:
                self._wait(self._session("", user, password))
            except (ua.UaError, ConnectionError, TimeoutError):
                refused += 1
        return f"error: {refused} refused" if refused else "ok"

    def login(self, user: str, password: str) -> str:
        """A session with the password as it is, by hand: asyncua would encrypt it with the server's certificate."""
        self.fields |= {"function": 467, "functions": [467]}
        with socket.create_connection((self.target.ip, self.port), timeout=3) as one:
            channel = self._opened(one)
            answer = self._asked(one, channel, 2, self._create_session())
            authentication = self._authentication(answer)
            body = _number(467) + _header(authentication) + _text(None) * 2 + struct.pack("<ii", 0, 0)
            identity = _text("user_name_policy") + _text(user) + _text(password) + _text(None)
            body += _number(324) + b"\x01" + struct.pack("<i", len(identity)) + identity + _text(None) * 2
            answer = self._asked(one, channel, 3, body)
        return "ok" if struct.unpack_from("<H", answer, 26)[0] == 470 else "error: refused"

    def channels(self, count: int) -> str:
        """Channels that are opened and never used."""
        self.fields |= {"function": 446, "functions": [446] * count}
        held = []
        for _ in range(count):
            one = socket.create_connection((self.target.ip, self.port), timeout=3)
            self._opened(one)
            held.append(one)
        for one in held:
            one.close()
        return "ok"

    def hello(self, receive: int, send: int) -> str:
        """A hello with buffers of these sizes."""
        self.fields |= {"function": 1, "functions": [1]}
        with socket.create_connection((self.target.ip, self.port), timeout=3) as one:
            body = struct.pack("<IIIII", 0, receive, send, 0, 0) + _text(self.url)
            one.sendall(b"HELF" + struct.pack("<I", 8 + len(body)) + body)
            one.settimeout(2)
            return one.recv(64)[:3].decode("ascii", "replace")

    # ---- by hand

    def _opened(self, one: socket.socket) -> tuple[int, int]:
        """Hello and a channel without security."""
        body = struct.pack("<IIIII", 0, 65536, 65536, 0, 0) + _text(self.url)
        one.sendall(b"HELF" + struct.pack("<I", 8 + len(body)) + body)
        _message(one)
        policy = _text("http://opcfoundation.org/UA/SecurityPolicy#None")
        body = struct.pack("<I", 0) + policy + _text(None) * 2 + struct.pack("<II", 1, 1)
        body += _number(446) + _header() + struct.pack("<III", 0, 0, 1) + _text(None) + struct.pack("<I", 600_000)
        one.sendall(b"OPNF" + struct.pack("<I", 8 + len(body)) + body)
        answer = _message(one)
        at = 12 + len(policy) + 8 + 8 + 4 + 24 + 8  # of the token: behind channel, policy, sequence, type, header, version and channel
        return struct.unpack_from("<I", answer, 8)[0], struct.unpack_from("<I", answer, at)[0]

    def _asked(self, one: socket.socket, channel: tuple[int, int], number: int, body: bytes) -> bytes:
        one.sendall(b"MSGF" + struct.pack("<IIIII", 24 + len(body), *channel, number, number) + body)
        return _message(one)

    def _create_session(self) -> bytes:
        application = _text("urn:lab:tool") + _text("urn:lab:tool") + b"\x02" + _text("tool") + struct.pack("<I", 1) + _text(None) * 2
        application += struct.pack("<i", -1)
        return (
            _number(461)
            + _header()
            + application
            + _text(None)
            + _text(self.url)
            + _text("tool")
            + _text("n" * 32)
            + _text(None)
            + struct.pack("<dI", 60_000.0, 0)
        )

    def _authentication(self, answer: bytes) -> bytes:
        """The token of the session, behind its id, in a response to CreateSession."""
        at = 24 + 4 + 24  # header of the message, type, header of the response (no diagnostics, no strings)
        at += _width(answer, at)
        return answer[at : at + _width(answer, at)]


def _number(number: int) -> bytes:
    return b"\x01\x00" + struct.pack("<H", number)


def _text(text: str | None) -> bytes:
    return struct.pack("<i", -1) if text is None else struct.pack("<i", len(text)) + text.encode()


def _header(authentication: bytes = b"\x00\x00") -> bytes:
    return authentication + struct.pack("<qII", 0, 1, 0) + _text(None) + struct.pack("<I", 5000) + b"\x00\x00\x00"


def _width(octets: bytes, at: int) -> int:
    """Bytes of a NodeId."""
    kind = octets[at] & 0x3F
    return {0: 2, 1: 4, 2: 7, 4: 19}.get(kind) or 7 + struct.unpack_from("<i", octets, at + 3)[0]


def _message(one: socket.socket) -> bytes:
    found = b""
    while len(found) < 8 or len(found) < struct.unpack_from("<I", found, 4)[0]:
        part = one.recv(65536)
        if not part:
            raise ConnectionError("closed")
        found += part
    return found
