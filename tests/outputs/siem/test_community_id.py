"""Community ID against the vectors that its authors publish (corelight/pycommunityid and zeek)."""

from __future__ import annotations

import pytest

from otwatch.outputs.siem.community_id import community_id

VECTORS = [
    ("tcp", "128.232.110.120", 34855, "66.35.250.204", 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
    ("udp", "192.168.1.52", 54585, "8.8.8.8", 53, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
    ("sctp", "192.168.170.8", 7, "192.168.170.56", 7, "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs="),
    ("tcp", "1.2.3.4", 1122, "5.6.7.8", 3344, "1:wCb3OG7yAFWelaUydu0D+125CLM="),
    ("udp", "1.2.3.4", 1122, "5.6.7.8", 3344, "1:0Mu9InQx6z4ZiCZM/7HXi2WMhOg="),
]


@pytest.mark.parametrize(("transport", "src", "src_port", "dst", "dst_port", "expected"), VECTORS)
def test_the_published_vectors(transport: str, src: str, src_port: int, dst: str, dst_port: int, expected: str) -> None:
    one = community_id(transport, src, src_port, dst, dst_port)
    assert one == community_id(transport.upper(), dst, dst_port, src, src_port), "either side may be named first"
    assert one == expected


@pytest.mark.parametrize("arguments", [("icmp", "10.0.0.1", 8, "10.0.0.2", 0), ("tcp", "sensor-7", 1, "10.0.0.2", 2),
                                       ("tcp", "::1", 1, "10.0.0.2", 2),
                                       ("tcp", "10.0.0.1", 70_000, "10.0.0.2", 2), ("", "10.0.0.1", 1, "10.0.0.2", 2)])
def test_what_has_none_is_empty(arguments: tuple[str, str, int, str, int]) -> None:
    assert community_id(*arguments) == ""
