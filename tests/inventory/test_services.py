"""Names by port: hints, and shown as such."""

from __future__ import annotations

import pytest

from otwatch.inventory.services import ETHERTYPES, OT_PORTS_NOT_DECODED, SERVICES, service_name
from otwatch.protocols import protocols


@pytest.mark.parametrize(("numbers", "name"), [
    ((6, 3389, 0x0800), "rdp?"),
    ((6, 5555, 0x0800), "tcp/5555"),
    ((17, 60000, 0x0800), "udp"),  # an ephemeral port names nothing
    ((6, -1, 0x0800), "tcp"),
    ((1, -1, 0x0800), "icmp"),
    ((250, -1, 0x0800), "ip/250"),
    ((-1, -1, 0x88B8), "goose"),
    ((-1, -1, 0x1234), "ethertype/0x1234"),
    ((-1, -1, -68), "llc"),
])
def test_names(numbers: tuple[int, int, int], name: str) -> None:
    assert service_name(*numbers) == name


def test_what_is_called_undecoded_has_a_port_or_an_ethertype() -> None:
    assert set(SERVICES.values()) | set(ETHERTYPES.values()) >= OT_PORTS_NOT_DECODED


def test_nothing_that_is_decoded_is_called_undecoded() -> None:
    decoded = {spec.name for spec in protocols()}
    assert decoded & OT_PORTS_NOT_DECODED == set()
