"""NTP datagrams to facts."""

from __future__ import annotations

import pytest
from scapy.layers.ntp import NTPHeader

from tests.protocols.saying import said


def _time(**fields: object) -> bytes:
    return bytes(NTPHeader(**{"mode": 4, "stratum": 2, "sent": 3_900_000_000, **fields}))


def test_a_server_and_who_follows_it() -> None:
    found = said("ntp", _time(stratum=1, ref_id=b"PTP\0"))
    assert found == [(1, "ntp_server", "stratum 1 (PTP)", "ntp.server"), (2, "time_from", "host 1", "ntp.server")]


def test_a_broadcast_names_nobody_who_follows() -> None:
    assert said("ntp", _time(mode=5)) == [(1, "ntp_server", "stratum 2", "ntp.server")]


@pytest.mark.parametrize(
    "octets",
    [_time(mode=3), _time(mode=6), _time(stratum=0), _time(stratum=16), _time(leap=3), _time(version=7),
     _time(sent=0)[:40] + bytes(8), _time()[:47], b""],
    ids=range(9),
)
def test_requests_control_and_servers_without_time_say_nothing(octets: bytes) -> None:
    assert said("ntp", octets) == []
