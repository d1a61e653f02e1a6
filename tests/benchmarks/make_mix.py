"""Write a capture of one kind of traffic:  python make_mix.py MIX --packets 200000 --output x.pcap [--seed 1]

| mix | what |
| --- | --- |
| writes | 60 Modbus PLCs polled by 4 masters; 1 % of the requests write, to three points a controller |
| plant | 60 Modbus and S7 PLCs in VLANs, office noise beside, 1 % writes to ever new objects, now and then an attack |
| plant-writes | the same with ten times the writes |
| connections | the polls of a plant, each in a TCP connection of its own |
| bulk | the plant's traffic as one packet in ten; the rest is file copies, web and backups, mean 845 bytes |
| first-sight | 600 PLCs, each polled a few times and never again |
| many-plcs | 3,000 PLCs, each seen for the first time |
| sweep | one client writes register after register, every one new |
| assets | every seven packets another controller |
| behaviours | every packet something that was not said before: 100 controllers, every read of another place |

`attack-…` are attacks on the analyser itself: s7-items (reads with ever new items), alerts (every packet another alert), scan (distinct targets),
ipv6 (addresses of one prefix), fragments, syn. The same seed gives the same bytes.
"""

from __future__ import annotations

import argparse
import random
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from plant_wire import (
    ACK,
    PSH_ACK,
    S7_OPENING,
    START_NS,
    SYN,
    Actor,
    Host,
    Packet,
    Tcp,
    frame,
    host,
    interleaved,
    modbus,
    modbus_read,
    modbus_write,
    s7,
    s7_any,
    s7_read,
    s7_write,
    udp,
    write,
)

SECOND = 1_000_000_000
MASTERS = [host("00d0c9", f"10.20.0.{10 + i}") for i in range(4)]
FOREVER = 1 << 62


def plc(number: int, vlan: int = 0) -> Host:
    """The n-th controller."""
    return host("0080f4", f"10.20.{1 + number // 200}.{1 + number % 200}", vlan)


def modbus_poller(
    master: Host, controller: Host, port: int, *, writes: float, points: int | None, every_ns: int = SECOND // 2, polls: int = FOREVER
) -> Callable[[random.Random], Actor]:
    """Polls four ranges; a share of `writes` of the requests writes, to `points` registers or (None) to ever new ones."""

    def run(rng: random.Random) -> Actor:
        connection = Tcp(master, controller, port, 502, [rng.getrandbits(31), rng.getrandbits(31)])
        yield rng.randrange(every_ns), connection.open()
        transaction, register = rng.getrandbits(16), rng.getrandbits(14)
        for _ in range(min(polls, FOREVER)):
            transaction += 1
            if rng.random() < writes:
                register = register + 7 if points is None else rng.randrange(points)
                request, response = modbus_write(transaction, 1, 1000 + register, rng.getrandbits(10))
            else:
                start, count = ((100, 10), (200, 60), (300, 20), (400, 40))[transaction % 4]
                request, response = modbus_read(transaction, 1, start, count, rng.randbytes(2 * count))
            yield every_ns + rng.randrange(every_ns // 10), connection.exchange(request, response)

    return run


def s7_poller(master: Host, controller: Host, port: int, *, writes: float) -> Callable[[random.Random], Actor]:
    """Reads two data blocks; writes go to ever new words."""

    def run(rng: random.Random) -> Actor:
        connection = Tcp(master, controller, port, 102, [rng.getrandbits(31), rng.getrandbits(31)])
        opening = connection.open()
        for request, response in S7_OPENING:
            opening += connection.exchange(request, response)
        yield rng.randrange(SECOND), opening
        reference, byte = rng.getrandbits(16), 0
        while True:
            reference += 1
            if rng.random() < writes:
                byte += 2
                request, response = s7_write(reference, 10, byte & 0xFFFF, rng.getrandbits(12))
            else:
                request, response = s7_read(reference, 1 + reference % 2, 16 * (reference % 3), rng.randbytes(32))
            yield SECOND // 2 + rng.randrange(SECOND // 20), connection.exchange(request, response)

    return run


def reconnecting(master: Host, controller: Host, first_port: int) -> Callable[[random.Random], Actor]:
    """A connection for each request."""

    def run(rng: random.Random) -> Actor:
        port, transaction = first_port, 0
        while True:
            port = 20000 + (port + 1) % 40000
            transaction += 1
            connection = Tcp(master, controller, port, 502, [rng.getrandbits(31), rng.getrandbits(31)])
            request, response = modbus_read(transaction, 1, 100 + 10 * (transaction % 4), 10, rng.randbytes(20))
            yield SECOND // 2 + rng.randrange(SECOND // 10), connection.open() + connection.exchange(request, response) + connection.close()

    return run


def client_hello(rng: random.Random) -> bytes:
    """TLS: one cipher suite, the server's name, padding to 512 bytes (RFC 7685)."""
    name = b"server.plant1"
    extensions = struct.pack(">HHHBH", 0, 5 + len(name), 3 + len(name), 0, len(name)) + name
    padding = 512 - 4 - 41 - 2 - len(extensions) - 4
    extensions += struct.pack(">HH", 21, padding) + bytes(padding)
    hello = b"\x03\x03" + rng.randbytes(32) + b"\x00\x00\x02\x13\x01\x01\x00" + struct.pack(">H", len(extensions)) + extensions
    return struct.pack(">BHHBBH", 0x16, 0x0301, len(hello) + 4, 1, 0, len(hello)) + hello


def office(number: int) -> Callable[[random.Random], Actor]:
    """A clerk's computer: names are looked up, pages are fetched over TLS, a new connection each."""
    client, server, resolver = (host("3c5282", f"10.1.{number // 200}.{20 + number % 200}", 100), host("001b21", f"10.1.9.{1 + number % 20}", 100),
                                host("001b21", "10.1.9.250", 100))

    def run(rng: random.Random) -> Actor:
        ident = 0
        while True:
            ident += 1
            port = 32768 + rng.randrange(28000)
            name = b"\x06server" + bytes((6,)) + b"plant1" + b"\x00"
            query = struct.pack(">HHHHHH", ident & 0xFFFF, 0x0100, 1, 0, 0, 0) + name + struct.pack(">HH", 1, 1)
            reply = struct.pack(">HHHHHH", ident & 0xFFFF, 0x8180, 1, 1, 0, 0) + query[12:] + struct.pack(">HHHIH4s", 0xC00C, 1, 1, 60, 4, server.ip)
            yield rng.randrange(2 * SECOND), [udp(client, resolver, (port, 53), query, ident), udp(resolver, client, (53, port), reply, ident)]
            connection = Tcp(client, server, port, 443, [rng.getrandbits(31), rng.getrandbits(31)])
            frames = connection.open()
            frames += connection.exchange(client_hello(rng), b"\x17\x03\x03\x04\x00" + rng.randbytes(1024))
            for _ in range(rng.randrange(3, 12)):
                frames += connection.exchange(b"\x17\x03\x03\x01\x00" + rng.randbytes(256), b"\x17\x03\x03\x05\x00" + rng.randbytes(1280))
            yield rng.randrange(SECOND), frames + connection.close()

    return run


def copier(number: int) -> Callable[[random.Random], Actor]:
    """A backup: one long connection of full segments, an acknowledgement for every second one."""
    client, server = host("3c5282", f"10.1.30.{1 + number}", 100), host("001b21", f"10.1.31.{1 + number}", 100)

    def run(rng: random.Random) -> Actor:
        connection = Tcp(client, server, 40000 + number, 445 if number % 2 else 873, [rng.getrandbits(31), rng.getrandbits(31)])
        yield rng.randrange(SECOND), connection.open()
        content = rng.randbytes(1400)
        while True:
            segments = [connection.packet(0, PSH_ACK, part) for part in (content, content[: 200 + rng.getrandbits(10)])]
            yield SECOND // 50, [*segments, connection.packet(1, ACK)]

    return run


def attacker(number: int) -> Callable[[random.Random], Actor]:
    """Comes once a minute: looks for controllers, writes a little, stops one."""
    client = host("3c5282", f"10.1.40.{1 + number}", 100)

    def run(rng: random.Random) -> Actor:
        port = 50000
        while True:
            port = 50000 + (port + 1) % 10000
            target = plc(rng.randrange(60))
            yield 10 * SECOND + rng.randrange(SECOND), [Tcp(client, plc(i), port, 502).packet(0, SYN) for i in range(rng.randrange(60))]
            connection = Tcp(client, target, port, 502, [rng.getrandbits(31), rng.getrandbits(31)])
            frames = connection.open()
            for i in range(4):
                frames += connection.exchange(*modbus_write(i, 1, rng.getrandbits(12), rng.getrandbits(16)))
            yield SECOND, frames + connection.close()
            connection = Tcp(client, target, port + 1, 102, [rng.getrandbits(31), rng.getrandbits(31)])
            frames = connection.open()
            for exchange in (*S7_OPENING, (s7(1, 7, b"\x29\x00\x00\x00\x00\x00\x09P_PROGRAM"), s7(3, 7, b"\x29"))):
                frames += connection.exchange(*exchange)
            yield 60 * SECOND, frames + connection.close()

    return run


def plant(writes: float, points: int | None, *, noise: bool) -> list[Callable[[random.Random], Actor]]:
    """60 controllers, each polled by one of four masters; every third speaks S7 where the objects are ever new."""
    actors = []
    for i in range(60):
        controller = plc(i, 10 + i // 20 if noise else 0)
        master = Host(MASTERS[i % 4].mac, MASTERS[i % 4].ip, controller.vlan)
        if noise and i % 3 == 2:
            actors.append(s7_poller(master, controller, 45000 + i, writes=writes))
        else:
            actors.append(modbus_poller(master, controller, 45000 + i, writes=writes, points=points))
    if noise:
        actors += [office(i) for i in range(40)] + [attacker(i) for i in range(2)]
    return actors


def writes(seed: int) -> Iterator[Packet]:
    return interleaved(plant(0.01, 3, noise=False), seed)


def plant_mix(seed: int) -> Iterator[Packet]:
    return interleaved(plant(0.01, None, noise=True), seed)


def plant_writes(seed: int) -> Iterator[Packet]:
    return interleaved(plant(0.1, None, noise=True), seed)


def connections(seed: int) -> Iterator[Packet]:
    return interleaved([reconnecting(MASTERS[i % 4], plc(i), 20000 + 500 * i) for i in range(60)], seed)


def bulk(seed: int) -> Iterator[Packet]:
    return interleaved([*plant(0.01, 3, noise=False), *(copier(i) for i in range(20))], seed)


def one_after_the_other(number: Callable[[int], int], polls: int, seed: int) -> Iterator[Packet]:
    """Ever new controllers, a few polls each, one after the other."""
    now = START_NS
    count = 0
    while True:
        rng = random.Random(f"{seed}.{count}")
        controller = host("0080f4", f"10.{64 + number(count) // 65000}.{number(count) // 250 % 250}.{1 + number(count) % 250}")
        poller = modbus_poller(MASTERS[count % 4], controller, 20000 + count % 40000, writes=0, points=3, every_ns=20_000_000, polls=polls)
        for wait, frames in poller(rng):
            now += wait
            for place, data in enumerate(frames):
                yield now + 100_000 * place, data
            now += 100_000 * len(frames)
        count += 1


def first_sight(seed: int) -> Iterator[Packet]:
    return one_after_the_other(lambda count: count % 600, 20, seed)


def many_plcs(seed: int) -> Iterator[Packet]:
    return one_after_the_other(lambda count: count % 3000, 8, seed)


def ever_new_plcs(seed: int) -> Iterator[Packet]:
    return one_after_the_other(lambda count: count, 2, seed)


def ever_new_places(seed: int) -> Iterator[Packet]:
    """Reads of one register, each at another address of the controller or of another unit of it."""
    rng = random.Random(seed)
    connections = [Tcp(MASTERS[number % 4], plc(number), 40000 + number, 502) for number in range(100)]
    now = START_NS
    for turn in range(FOREVER):
        number, place = turn % 100, turn // 100
        frames = connections[number].open() if not place else []
        frames += connections[number].exchange(*modbus_read(place, 1 + place // 65536, place % 65536, 1, rng.randbytes(2)))
        for data in frames:
            now += 100_000
            yield now, data


def sweep(seed: int) -> Iterator[Packet]:
    rng = random.Random(seed)
    connection = Tcp(host("3c5282", "10.20.0.66"), plc(0), 40000, 502)
    now = START_NS
    for data in connection.open():
        yield now, data
    for i in range(FOREVER):
        for data in connection.exchange(*modbus_write(i, 1 + i // 65536 % 200, i * 7919, rng.getrandbits(16))):
            now += 100_000
            yield now, data


# ---- attacks on the analyser

ATTACKER = host("3c5282", "10.20.0.66")


def spaced(frames: Iterator[bytes]) -> Iterator[Packet]:
    """A packet every 100 microseconds."""
    for i, data in enumerate(frames):
        yield START_NS + i * 100_000, data


def s7_items(_seed: int) -> Iterator[Packet]:
    def frames() -> Iterator[bytes]:
        connection = Tcp(ATTACKER, plc(0), 40000, 102)
        for i in range(FOREVER):
            items = b"".join(s7_any(0x84, (i * 100 + k) // 8000 % 60000, (i * 100 + k) % 8000, 2) for k in range(100))
            job = s7(1, i, bytes((4, 100)) + items)
            yield connection.packet(0, PSH_ACK, job[:1400])
            yield connection.packet(0, PSH_ACK, job[1400:]) if job[1400:] else connection.packet(1, ACK)

    return spaced(frames())


def alerts(_seed: int) -> Iterator[Packet]:
    stop = s7(1, 7, b"\x29\x00\x00\x00\x00\x00\x09P_PROGRAM")

    def frames() -> Iterator[bytes]:
        for i in range(FOREVER):
            source, target = host("3c5282", f"10.30.{i // 250 % 250}.{1 + i % 250}"), plc(i * 7 % 12000)
            port, message = (502, modbus(1, 1, struct.pack(">BHH", 6, i & 0xFFFF, 900))) if i % 2 else (102, stop)
            yield Tcp(source, target, 5000 + i % 50000, port).packet(0, PSH_ACK, message)

    return spaced(frames())


def scan(_seed: int) -> Iterator[Packet]:
    targets = (host("0080f4", f"10.{50 + i // 62500 % 100}.{i // 250 % 250}.{1 + i % 250}") for i in range(FOREVER))
    return spaced(Tcp(ATTACKER, target, 40000, 502).packet(0, SYN) for target in targets)


def ipv6(_seed: int) -> Iterator[Packet]:
    """Addresses that differ where a careless hash does not look."""

    def frames() -> Iterator[bytes]:
        for i in range(FOREVER):
            address = bytes.fromhex("fd00000000000000") + struct.pack(">II", i, i ^ 0xDEADBEEF)
            body = struct.pack(">HHHH", 5000, 502, 8, 0)
            head = struct.pack(">IHBB", 0x60000000, len(body), 17, 64) + address + bytes.fromhex("fd000000000000000000000000000001")
            yield plc(0).mac + ATTACKER.mac + b"\x86\xdd" + head + body

    return spaced(frames())


def fragments(_seed: int) -> Iterator[Packet]:
    """First fragments of datagrams that never end."""

    def frames() -> Iterator[bytes]:
        for i in range(FOREVER):
            made = bytearray(frame(ATTACKER, plc(i % 60), 17, struct.pack(">HHHH", 5000, 502, 1400, 0) + bytes(1000), i))
            made[20:22] = b"\x20\x00"  # more fragments
            made[24:26] = b"\0\0"
            yield bytes(made)

    return spaced(frames())


def syn(_seed: int) -> Iterator[Packet]:
    def frames() -> Iterator[bytes]:
        for i in range(FOREVER):
            source = host("3c5282", f"{11 + i % 89}.{i // 89 % 250}.{i // 22250 % 250}.{1 + i % 250}")
            yield Tcp(source, plc(0), 1024 + i % 60000, 502, [i * 77, 0]).packet(0, SYN)

    return spaced(frames())


MIXES: dict[str, Callable[[int], Iterator[Packet]]] = {
    "writes": writes,
    "plant": plant_mix,
    "plant-writes": plant_writes,
    "connections": connections,
    "bulk": bulk,
    "first-sight": first_sight,
    "many-plcs": many_plcs,
    "sweep": sweep,
    "assets": ever_new_plcs,
    "behaviours": ever_new_places,
    "attack-s7-items": s7_items,
    "attack-alerts": alerts,
    "attack-scan": scan,
    "attack-ipv6": ipv6,
    "attack-fragments": fragments,
    "attack-syn": syn,
}


def main() -> int:
    """Writes one capture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mix", choices=MIXES)
    parser.add_argument("--packets", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, required=True)
    chosen = parser.parse_args()
    if chosen.packets < 1:
        parser.error("--packets must be at least 1")
    write(chosen.output, MIXES[chosen.mix](chosen.seed), chosen.packets)
    return 0


if __name__ == "__main__":
    sys.exit(main())
