"""A scripted plant: who says what when, turned into packets with right lengths and checksums. The same bytes at every run."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable

from tests.evasion.wire import ACK, RST, SYN, Capture, Host, Tcp, ethernet, udp
from tests.oracle.streams import dnp3_frame
from tests.protocols.modbus.wire import adu, pdu
from tests.protocols.s7comm.wire import answer, any_item, connect, item_data, job, userdata, variables

__all__ = ["ENG", "GUEST", "HMI", "MB", "OFFICE", "PUBLIC", "RTU", "S7", "Play", "adu", "answer", "any_item", "item_data", "job", "pdu", "userdata"]

ROUTER_MAC = "000adc100001"
HMI = Host("192.168.10.20", "00d0c90a1020", "fd00::20")
ENG = Host("192.168.10.30", "d4bed90a1030", "fd00::30")
GUEST = Host("192.168.10.77", "00e04c0a1077", "fd00::77")  # a laptop that does not belong here
MB = Host("192.168.10.10", "0080f40a1010", "fd00::10")  # Modbus controller
S7 = Host("192.168.10.11", "001b1b0a1011", "fd00::11")
RTU = Host("192.168.10.12", "0030a70a1012", "fd00::12")  # DNP3 outstation, link address 10
OFFICE = Host("172.16.5.66", ROUTER_MAC, "fd01::66")
PUBLIC = Host("8.8.8.8", ROUTER_MAC, "2001:4860:4860::8888")

CONFIRM = connect(0xD0, called=b"\x01\x02", destination=1, source=7)
SETUP, SETUP_ANSWER = job(bytes.fromhex("f0000001000101e0")), answer(bytes.fromhex("f0000001000100f0"))


def other(last: int, kind: Host = MB) -> Host:
    """A further host of the plant, with a card of the same maker."""
    return Host(f"192.168.10.{last}", f"{kind.mac[:-2]}{last:02x}", f"fd00::{last:x}")


class Play:
    """Events by time, in seconds. `run` plays them into a capture; what takes longer than it may pushes the later ones back."""

    def __init__(self) -> None:
        self.capture = Capture()
        self.began = self.capture.now
        self.events: list[tuple[float, int, Callable[[], None]]] = []
        self.talks: dict[tuple[Host, Host, int], Tcp] = {}
        self.numbers: dict[tuple[Host, Host], int] = {}
        self.ports = 49_200
        self.heard: Host | None = None  # the tap shows only what this host sends

    def at(self, seconds: float, event: Callable[[], None]) -> None:
        """Something that happens then."""
        self.events.append((seconds, len(self.events), event))

    def every(self, seconds: float, times: int, event: Callable[[], None], begin: float = 0.0) -> None:
        """The same again and again."""
        for turn in range(times):
            self.at(begin + turn * seconds, event)

    def run(self) -> Capture:
        """All of it."""
        for seconds, _, event in sorted(self.events, key=lambda entry: entry[:2]):
            self.capture.now = max(self.capture.now, self.began + int(seconds * 1e9))
            event()
        if self.heard is not None:
            card = bytes.fromhex(self.heard.mac)
            self.capture.packets = [packet for packet in self.capture.packets if packet[1][6:12] == card]
        return self.capture

    def heard_from(self, host: Host) -> Play:
        """The same at a tap that shows one direction."""
        self.heard = host
        return self

    def talk(self, client: Host, server: Host, port: int) -> Tcp:
        """The connection between them, opened when it is first needed."""
        key = client, server, port
        if key not in self.talks:
            self.talks[key] = self.connection(client, server, port)
        return self.talks[key]

    def connection(self, client: Host, server: Host, port: int) -> Tcp:
        """A new connection, with a port and numbers of its own."""
        self.ports += 7
        first = (self.ports * 2_654_435_761) & 0xFFFFFFFF
        talk = Tcp(self.capture, client, server, port, client_port=self.ports, start=(first, first * 69_069 + 1 & 0xFFFFFFFF))
        if port == 102:
            talk.say(connect(called=b"\x01\x02"))
            talk.answer(CONFIRM)
            talk.say(SETUP)
            talk.answer(SETUP_ANSWER)
        return talk

    def number(self, client: Host, server: Host) -> int:
        """The next transaction, sequence or reference of a conversation."""
        self.numbers[client, server] = self.numbers.get((client, server), 0) + 1
        return self.numbers[client, server]

    # protocols

    def modbus(self, client: Host, server: Host, request: bytes, response: bytes | None, *, unit: int = 1) -> None:
        """A Modbus request and its response."""
        talk, number = self.talk(client, server, 502), self.number(client, server)
        talk.say(adu(request, transaction=number, unit=unit))
        if response is not None:
            talk.answer(adu(response, transaction=number, unit=unit))

    def dnp3(
        self, client: Host, server: Host, request: bytes, response: bytes | None = b"", *, iin: int = 0, outstation: int = 10, master: int = 1
    ) -> None:
        """A DNP3 request (function code and objects) and its response (objects)."""
        talk, number = self.talk(client, server, 20000), self.number(client, server) & 15
        talk.say(dnp3_frame(bytes([0xC0 | number, 0xC0 | number]) + request, destination=outstation, source=master))
        if response is not None:
            body = bytes([0xC0 | number, 0xC0 | number, 129]) + struct.pack("<H", iin) + response
            talk.answer(dnp3_frame(body, control=0x44, destination=master, source=outstation))

    def s7(
        self, client: Host, server: Host, request: bytes, values: bytes = b"", back: bytes | None = None, back_values: bytes = b"", *, error: int = 0
    ) -> None:
        """An S7 job and its answer; by default the answer repeats the function."""
        talk, number = self.talk(client, server, 102), self.number(client, server)
        talk.say(job(request, values, reference=number))
        if back is not None:
            talk.answer(answer(back, back_values, reference=number, error=error))

    def s7_userdata(
        self, client: Host, server: Host, group: int, subfunction: int, content: bytes | None = b"", back: bytes | None = None, *, error: int = 0
    ) -> None:
        """A userdata request and its answer."""
        talk, number = self.talk(client, server, 102), self.number(client, server)
        talk.say(userdata(1, group, subfunction, content, reference=number))
        talk.answer(userdata(2, group, subfunction, back, reference=number, error=error, unit=1, code=0xFF if not error else 10))

    # what the plant does all day

    def polls(self, seconds: int = 14, *, client: Host = HMI, kinds: Iterable[str] = ("modbus",)) -> Play:
        """The HMI polls a controller of each protocol once a second."""
        if "modbus" in kinds:
            self.every(1.0, seconds, lambda: self.modbus(client, MB, pdu(3, 0, 10), bytes([3, 20]) + bytes(range(20))), 0.1)
        if "dnp3" in kinds:
            self.every(1.0, seconds, lambda: self.dnp3(client, RTU, bytes.fromhex("013c0206")), 0.2)
        if "s7" in kinds:
            self.every(1.0, seconds, lambda: self.s7_read(client, S7), 0.3)
        return self

    def s7_read(self, client: Host, server: Host, number: int = 1, start: int = 80, *, code: int = 0xFF) -> None:
        """Four bytes of a data block, or the code that refuses them."""
        content = (0xFF, 4, bytes(4)) if code == 0xFF else (code, 0, b"")
        self.s7(client, server, variables(4, any_item(number=number, start=start, count=4)), b"", bytes([4, 1]), item_data(content))

    # below

    def syn(self, client: Host, server: Host, port: int, *, reset: bool = False) -> None:
        """A connection that nobody accepts: no answer, or a reset."""
        self.ports += 1
        talk = Tcp(self.capture, client, server, port, client_port=self.ports, start=(self.ports * 7_919, 0), opened=False)
        talk.send(0, flags=SYN)
        if reset:
            talk.sequence[0] += 1
            talk.send(1, flags=RST | ACK)

    def session(self, client: Host, server: Host, port: int, said: bytes = b"SSH-2.0-OpenSSH_9.2\r\n", times: int = 2) -> None:
        """A whole connection: open, data both ways, close."""
        talk = self.connection(client, server, port)
        for _ in range(times):
            talk.say(said)
            talk.answer(said)
        talk.close()

    def ping(self, client: Host, server: Host, number: int, *, answered: bool = False) -> None:
        """An ICMP echo request."""
        for source, target, kind in ((client, server, 8), *(((server, client, 0),) if answered else ())):
            body = struct.pack(">BBHHH", kind, 0, 0, 77, number) + bytes(32)
            total = sum(struct.unpack(f">{len(body) // 2}H", body))
            total = (total & 0xFFFF) + (total >> 16)
            self.capture.datagram(source, target, 1, body[:2] + struct.pack(">H", ~total & 0xFFFF) + body[4:])

    def arp(self, sender: Host, claims: Host, to: Host, *, reply: bool = True) -> None:
        """An ARP packet in which `sender` (its card) claims the address of `claims`."""
        addresses = [bytes(map(int, host.ip.split("."))) for host in (claims, to)]
        body = struct.pack(">HHBBH", 1, 0x0800, 6, 4, 2 if reply else 1) + bytes.fromhex(sender.mac) + addresses[0]
        body += (bytes.fromhex(to.mac) if reply else bytes(6)) + addresses[1]
        self.capture.frame(ethernet(sender, to, body, 0x0806))

    def datagram(self, client: Host, server: Host, ports: tuple[int, int], payload: bytes) -> None:
        """A UDP datagram."""
        self.capture.datagram(client, server, 17, udp(client, server, ports, payload))

    def fragments(self, source: Host, target: Host, pieces: list[tuple[int, bytes]]) -> None:
        """A TCP segment in IP fragments."""
        self.capture.fragments(source, target, 6, pieces)


