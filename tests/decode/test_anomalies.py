"""The lists are closed, and every kind can be reached."""

from __future__ import annotations

from enum import IntEnum

import pytest

from otwatch.decode.anomalies import ANOMALIES, LinkAnomaly, NetworkAnomaly, TransportAnomaly
from otwatch.limits import Limits
from otwatch.vocabulary import Layer
from tests.decode.craft import SAMPLES, Raw, arp, decode, ether, ip4, ip6, tcp, udp

ENUMS: dict[Layer, type[IntEnum]] = {Layer.LINK: LinkAnomaly, Layer.NETWORK: NetworkAnomaly, Layer.TRANSPORT: TransportAnomaly}


def test_every_kind_is_documented_once() -> None:
    assert set(ANOMALIES) == set(ENUMS)
    for layer, enum in ENUMS.items():
        assert [kind.code for kind in ANOMALIES[layer]] == [int(member) for member in enum]
        assert all(kind.doc.endswith(".") and kind.name == kind.name.lower() for kind in ANOMALIES[layer])


REACHED: list[tuple[IntEnum, bytes | list[bytes]]] = [  # no dict: kinds of different layers are equal numbers
    (LinkAnomaly.HEADER_CUT, bytes(13)),
    (LinkAnomaly.LENGTH_EXCEEDS_FRAME, ether(bytes(10), 40)),
    (NetworkAnomaly.HEADER_CUT, ether(ip4(b"")[:19])),
    (NetworkAnomaly.BAD_VERSION, ether(ip6(tcp()))),
    (NetworkAnomaly.BAD_HEADER_LENGTH, ether(b"\x44" + ip4(tcp())[1:])),
    (NetworkAnomaly.LENGTH_SHORT, ether(ip4(tcp(), total=19))),
    (NetworkAnomaly.LENGTH_EXCEEDS_FRAME, ether(ip4(tcp(), total=41))),
    (NetworkAnomaly.SOURCE_ROUTE, SAMPLES["ip options"].data),
    (NetworkAnomaly.BAD_OPTION, SAMPLES["bad option"].data),
    (NetworkAnomaly.FRAGMENT_OVERLAP, [ether(ip4(bytes(length), 17, fragment=0x2000)) for length in (16, 24)]),
    (NetworkAnomaly.FRAGMENT_CONFLICT, [ether(ip4(bytes(8) + content, 17, fragment=0x2000)) for content in (b"benignly", b"bad news")]),
    (NetworkAnomaly.FRAGMENT_TINY, ether(ip4(bytes(8), 6, fragment=0x2000))),
    (NetworkAnomaly.FRAGMENT_LENGTH, ether(ip4(bytes(25), 17, fragment=0x2000))),
    (NetworkAnomaly.FRAGMENT_BEYOND_END, ether(ip4(bytes(9), 17, fragment=0x1FFF))),
    (NetworkAnomaly.TUNNEL_HEADER_CUT, ether(ip4(b"\0\0\x08", 47))),
    (NetworkAnomaly.TUNNEL_BAD_HEADER, ether(ip4(b"\0\2\x08\0" + bytes(40), 47))),
    (NetworkAnomaly.TUNNEL_TOO_DEEP, ether(ip4(ip4(ip4(tcp()), 4), 4))),
    (NetworkAnomaly.ARP_BAD, ether(arp(0), 0x0806)),
    (NetworkAnomaly.EXTENSIONS_TOO_MANY, ether(ip6(b"\x3c\0\0\0\0\0\0\0" * 17 + tcp(), 60), 0x86DD)),
    (TransportAnomaly.HEADER_CUT, ether(ip4(tcp()[:19]))),
    (TransportAnomaly.BAD_HEADER_LENGTH, ether(ip4(tcp()[:12] + b"\x40" + tcp()[13:]))),
    (TransportAnomaly.LENGTH_SHORT, ether(ip4(udp(length=7), 17))),
    (TransportAnomaly.LENGTH_EXCEEDS_DATAGRAM, ether(ip4(udp(length=9), 17))),
]


@pytest.mark.parametrize(("kind", "packets"), REACHED, ids=[repr(kind) for kind, _ in REACHED])
def test_reached(kind: IntEnum, packets: bytes | list[bytes]) -> None:
    decoded = decode([Raw(packet, time=index * 10**9) for index, packet in enumerate([packets] if isinstance(packets, bytes) else packets)],
                     limits=Limits(tunnel_depth=1))
    layer = next(layer for layer, enum in ENUMS.items() if isinstance(kind, enum))
    assert (layer, kind) in [found[:2] for found in decoded.anomalies[-1]]
    name = next(one.name for one in ANOMALIES[layer] if one.code == kind)
    assert decoded.counters[f"anomaly.{layer.name.lower()}.{name}"] >= 1


def test_the_others_are_reached_elsewhere() -> None:
    elsewhere = [LinkAnomaly.BAD_HEADER, NetworkAnomaly.FRAGMENT_TIMEOUT, NetworkAnomaly.FRAGMENT_EVICTED, NetworkAnomaly.FRAGMENT_MISSING,
                 NetworkAnomaly.ADDRESS_CONFLICT, NetworkAnomaly.OTHER_CARD]  # below; test_fragments.py; test_bindings.py; test_cards.py
    assert {repr(kind) for kind, _ in REACHED} | {repr(kind) for kind in elsewhere} == {repr(kind) for enum in ENUMS.values() for kind in enum}
    assert decode([Raw(b"\x15" + bytes(40), 101)]).anomalies == [[(Layer.LINK, LinkAnomaly.BAD_HEADER, 0, 4, 1)]]


def test_inside_a_tunnel_its_ends_are_named_when_nothing_else_is_known() -> None:
    from otwatch.addresses import Addresses
    from otwatch.decode.decoder import Decoder
    from otwatch.tables import Anomalies
    from tests.decode.craft import batches

    addresses, anomalies = Addresses(), Anomalies()
    packets = batches([Raw(ether(ip4(bytes.fromhex("00006558") + bytes(13), 47)))])[0]
    Decoder(addresses, Limits()).feed(packets, anomalies)
    assert [addresses.text(anomalies.source[0]), addresses.text(anomalies.destination[0])] == ["10.0.0.5", "10.0.0.9"]
    assert packets.source[0] == -1
