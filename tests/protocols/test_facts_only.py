"""What holds for every protocol that makes facts only: no bytes raise or make rows, facts of a message are few, nobody gets a role of OT by it."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from otwatch.protocols import protocols
from otwatch.protocols.spec import Dissector, Fact, Link, ProtocolSpec, Verdict
from tests.cli.calling import otwatch
from tests.evasion.wire import GUEST, PLC, Capture, Tcp, udp
from tests.protocols.saying import dissector, feed
from tests.protocols.seeds import OF_SERVERS, SEEDS

NAMES = [spec.name for spec in protocols() if spec.facts_only]
every_one = pytest.mark.parametrize("name", NAMES)
_MOST = 64  # facts of one message


def _link(link: Link, content: bytes) -> bytes:
    """Behind the addresses of a frame: EtherType, or length and SNAP."""
    if link.ethertype >= 0:
        return link.ethertype.to_bytes(2, "big") + content
    return (8 + len(content)).to_bytes(2, "big") + b"\xaa\xaa\x03" + link.snap.to_bytes(5, "big") + content


def _feed(name: str, reader: Dissector, *messages: bytes) -> list[Fact]:
    return feed(reader, *messages, back=name in OF_SERVERS)


def test_each_has_seeds() -> None:
    assert set(SEEDS) == set(NAMES)


@every_one
def test_a_seed_says_something(name: str) -> None:
    assert all(_feed(name, dissector(name), seed) for seed in SEEDS[name])


@every_one
def test_no_bytes_raise(name: str) -> None:
    chance = random.Random(name)
    reader = dissector(name)
    for seed in SEEDS[name]:
        _feed(name, reader, *(seed[:end] for end in range(1, len(seed))))
        changed = []
        for _ in range(300):
            octets = bytearray(seed)
            for _ in range(chance.randrange(1, 4)):
                octets[chance.randrange(len(octets))] = chance.choice((0, 1, 0x3F, 0x7F, 0x80, 0xC0, 0xFF, chance.randrange(256)))
            changed.append(bytes(octets[: chance.choice((len(octets), chance.randrange(len(octets)))) or 1]))
        for octets in changed:
            assert len(_feed(name, reader, octets)) <= _MOST
    assert reader.forget(1) == 0


@every_one
def test_a_prefix_says_no_more_than_the_whole(name: str) -> None:
    """A message that the capture cut off may say less, never something else than what stands in it."""
    for seed in SEEDS[name]:
        whole = {(fact.kind, fact.value) for fact in _feed(name, dissector(name), seed)}
        for end in range(1, len(seed)):
            for fact in _feed(name, dissector(name), seed[:end]):
                assert (fact.kind, fact.value) in whole, (end, fact)


@every_one
def test_its_conversations_are_of_no_protocol(name: str, tmp_path: Path) -> None:
    """The flow, its ends and the verdict stay as without it."""
    spec = next(spec for spec in protocols() if spec.name == name)
    capture = Capture()
    for seed in SEEDS[name]:
        if spec.head is not None:
            talk = Tcp(capture, GUEST, PLC, spec.head.ports[0])
            for at in range(len(seed)):  # byte by byte
                (talk.answer if name in OF_SERVERS else talk.say)(seed[at : at + 1])
        elif spec.datagrams:
            capture.datagram(GUEST, PLC, 17, udp(GUEST, PLC, (40_000, spec.datagrams[0]), seed))
        else:
            capture.frame(bytes.fromhex("0180c200000e") + bytes.fromhex(GUEST.mac) + _link(spec.links[0], seed))
    path = capture.write(tmp_path / "one.pcap")
    records = [json.loads(line) for line in otwatch("analyze", path, "--format", "jsonl").stdout.splitlines()]
    summary = next(record for record in records if record["type"] == "summary")
    assert summary["protocols"] == {}
    roles = {role for record in records if record["type"] == "asset" for role in record["roles"]}
    assert roles <= {"host", "server", "it_host", "switch", "router"}
    assert any(fact["source"].startswith(f"{name}") for record in records if record["type"] == "asset" for fact in record["facts"])


@pytest.mark.parametrize("spec", [spec for spec in protocols() if spec.head is not None], ids=lambda spec: spec.name)
def test_its_cuts_hold_on_any_bytes(spec: ProtocolSpec) -> None:
    """A cut goes forward, inside what is there where it says so, and what more bytes would tell is never said before."""
    assert spec.head is not None
    chance = random.Random(spec.name)
    for seed in SEEDS[spec.name] * 200:
        octets = bytearray(seed * 3)
        for _ in range(chance.randrange(4)):
            octets[chance.randrange(len(octets))] = chance.randrange(256)
        stream, at, direction, number = bytes(octets), 0, int(spec.name in OF_SERVERS), 0
        spec.head.begins(stream[: chance.randrange(1, 64)], chance.randrange(2))
        while at < len(stream):
            keep, total = spec.head.cut(stream, at, direction, number)
            if keep < 0 or total <= 0:
                break
            assert keep <= total
            if at + keep <= len(stream):  # a cut does not depend on what comes after the message
                assert spec.head.cut(stream[: at + keep], at, direction, number) in ((keep, total), (0, 0))
            at, number = at + total, number + 1


def test_smb_is_recognised_where_only_the_server_is_seen() -> None:
    """A tap of one direction begins with the server's acceptance of a NetBIOS session."""
    begins = next(spec.head.begins for spec in protocols() if spec.name == "smb" and spec.head is not None)
    assert begins(b"\x82\0\0\0", 1) == begins(b"\x82\0\0\0\0\0\0\x55\xffSMB", 1) == Verdict.YES
    assert begins(b"\x82\0", 1) == Verdict.UNSURE
    assert begins(b"\x82\0\0\0", 0) == begins(b"\x82\0\0\1", 1) == Verdict.NO
