"""The short way that most packets take has the outcome of the general one: a tag in the frame (short) against one the card took off (general)."""

from __future__ import annotations

import random

import numpy as np

from otwatch.addresses import Addresses
from otwatch.decode.decoder import COLUMNS, Decoder
from otwatch.limits import Limits
from otwatch.tables import Anomalies
from tests.decode.craft import Raw, batches, ether, ip4, tcp


def packets(seed: int) -> list[bytes]:
    """IPv4 packets, most of them whole, repeated ones among them, some with wrong bytes or cut short; padded as Ethernet does."""
    chance = random.Random(seed)
    found = []
    for _ in range(400):
        one = bytearray(ip4(
            tcp(chance.randbytes(chance.randrange(60)), seq=chance.getrandbits(32), flags=chance.getrandbits(9), ack=chance.getrandbits(32),
                options=bytes(4 * chance.randrange(3))),
            source=f"10.0.0.{chance.randrange(3)}", destination=f"0.0.0.{chance.randrange(3)}", ident=chance.randrange(3), ttl=chance.randrange(256),
            options=bytes(4 * (chance.random() < 0.1)),
        )) + bytes(chance.randrange(8))
        for _ in range(chance.choice((0, 0, 0, 1, 2))):
            one[chance.randrange(40)] = chance.choice((0, 1, 0x45, 0x50, 0xFF, chance.randrange(256)))
        found.append(bytes(one[:chance.randrange(60)] if chance.random() < 0.1 else one))
        found += found[-1:] * (chance.random() < 0.2)
    return found


def decoded(raws: list[Raw]) -> tuple[list[dict[str, int]], list[dict[str, int]], dict[str, int]]:
    """Rows (payload from the start of its packet), anomalies, counters."""
    decoder, anomalies, rows = Decoder(Addresses(4), Limits()), Anomalies(), []
    for batch in batches(raws):
        decoder.feed(batch, anomalies)
        for row in range(batch.rows):
            values = {column.name: int(getattr(batch, column.name)[row]) for column in COLUMNS}
            if values["payload_at"]:
                values["payload_at"] -= int(batch.at[row])
            rows.append(values)
    noted = [{name: value for name, value in anomalies.row(i).items() if name != "frame"} for i in range(anomalies.rows)]
    return rows, noted, decoder.counters


def test_short_way_is_the_general_way() -> None:
    short_ways = 0
    for seed in range(5):
        contents = packets(seed)
        short, anomalies, counters = decoded([Raw(ether(one, 0x0800, 5), time=i * 1000) for i, one in enumerate(contents)])
        general, expected, expected_counters = decoded([Raw(ether(one), vlan_stripped=5, time=i * 1000) for i, one in enumerate(contents)])
        for row in short:
            row["payload_at"] -= 4 * (row["payload_at"] > 0)
        assert short == general
        assert anomalies == expected
        assert counters == expected_counters
        short_ways += sum(row["payload_length"] > 0 and row["ip_protocol"] == 6 for row in short)
        assert np.any([row["flags"] for row in short])
    assert short_ways > 1000
