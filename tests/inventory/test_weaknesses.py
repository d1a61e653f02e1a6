"""Which facts are weaknesses: what the folders of the protocols say, and nothing else."""

from __future__ import annotations

import pytest

from otwatch.inventory.asset import Asset, KnownFact
from otwatch.inventory.weaknesses import weaknesses_of
from otwatch.outputs.view.evaluation import Seen, evaluate
from otwatch.protocols import protocols


def fact(source: str, kind: str, value: str, frame: int = 1) -> KnownFact:
    return KnownFact(kind=kind, value=value, source=source, confidence=1.0, frame=frame, file="")


def test_a_protocol_says_which_of_its_facts_are_weaknesses() -> None:
    old, again = fact("tls_handshake.hello", "tls_version", "TLS 1.0", 7), fact("tls_handshake.hello", "tls_version", "TLS 1.0", 9)
    assert weaknesses_of([old, again]) == [("accepts TLS 1.0, which RFC 8996 forbids", old)]


def test_a_controller_without_protection() -> None:
    ((text, _),) = weaknesses_of([fact("s7comm.szl_0132", "protection", "level 1")])
    assert text == "protection level 1 of the CPU: no password protects its program"
    assert weaknesses_of([fact("s7comm.szl_0132", "protection", "level 3")]) == []


@pytest.mark.parametrize("known", [
    fact("tls_handshake.hello", "tls_version", "TLS 1.2"),
    fact("opcua.get_endpoints", "security_offered", "Basic256Sha256 SignAndEncrypt"),
    fact("modbus.read_device_identification", "tls_version", "TLS 1.0"),  # no fact of that protocol
    fact("modbus.read_device_identification", "firmware", "V1"),
])
def test_no_weakness(known: KnownFact) -> None:
    assert weaknesses_of([known]) == []


def test_they_are_observed_on_the_sheet_of_any_host() -> None:
    asset = Asset(id="10.0.0.1", addresses=["10.0.0.1"], macs=[], facts=[fact("opcua.get_endpoints", "security_offered", "None None", 12)])
    assert evaluate(asset, Seen(), ()).observed == ("offers OPC UA without security (policy None) (first in frame 12)",)


def test_every_kind_is_named_once_and_its_value_is_never_a_format() -> None:
    for spec in protocols():
        kinds = [(weakness.kind, weakness.text) for weakness in spec.weaknesses]
        assert len(kinds) == len(set(kinds))
    ((text, _),) = weaknesses_of([fact("opcua.activate_session", "clear_text_credentials", "OPC UA password of {value}{0.__class__}")])
    assert text == "sent the OPC UA password of {value}{0.__class__} in clear text"
