"""DNS, mDNS, LLMNR and NBNS to facts: who asks, who answers, for whom."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from scapy.layers.dns import DNS, DNSQR, DNSRR

from tests.protocols.saying import dissector, feed, said, shown
from tests.protocols.seeds import answer, llmnr_answer, nbns_answer


def _asks(name: str) -> bytes:
    return bytes(DNS(rd=1, qd=[DNSQR(qname=name)]))


def test_the_name_that_was_asked_for_is_that_of_the_address() -> None:
    records = [DNSRR(rrname="www.maker.example", type="CNAME", rdata="cdn.example"), DNSRR(rrname="cdn.example", type="A", rdata="203.0.113.7")]
    octets = bytes(DNS(qr=1, ra=1, qd=[DNSQR(qname="www.maker.example")], an=records))
    assert ("203.0.113.7", "name", "www.maker.example", "dns.answer") in said("dns", octets)


def test_names_given_by_another_are_believed_less() -> None:
    facts = feed(dissector("dns"), answer("a.example", "10.0.0.7"))
    assert {fact.kind: fact.confidence for fact in facts}["name"] == 0.4


@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.1", "224.0.0.251", "255.255.255.255", "::1", "ff02::fb"])
def test_addresses_of_nobody_have_no_name(address: str) -> None:
    assert not any(kind == "name" for _, kind, _, _ in said("dns", answer("a.example", address)))


def test_only_the_first_names_of_a_host_are_kept() -> None:
    facts = feed(dissector("dns"), *(_asks(f"n{number}.example") for number in range(200)))
    kept = [fact.value for fact in facts if fact.kept]
    assert len(kept) == 33
    assert kept[-1] == "more than 32 names"
    assert len(facts) == 201


def test_who_resolves_names_of_the_internet() -> None:
    def outside(*addresses: str) -> list[int | str]:
        return [place for place, kind, _, _ in said("dns", answer("a.example", *addresses), source=2, target=1) if kind == "resolves_outside"]

    assert outside("8.8.8.8") == [1]
    assert outside("10.0.0.7", "fd00::7") == []


def test_an_update_or_an_answer_of_another_port_is_not_read() -> None:
    assert said("dns", bytes(DNS(opcode=5, qd=[DNSQR(qname="a.example")]))) == []
    assert said("dns", b"GET / HTTP/1.1\r\n\r\n") == said("dns", bytes(64)) == []


@pytest.mark.parametrize(("name", "made"), [("llmnr", llmnr_answer), ("nbns", nbns_answer)])
def test_who_answers_for_several_names_is_reported(name: str, made: Callable[[str, str], bytes]) -> None:
    def answers(*names: str) -> list[str]:
        facts = feed(dissector(name), *(made(one, "192.168.0.66") for one in names))
        return [value for _, kind, value, _ in map(shown, facts) if kind == "answers_for"]

    assert answers("WPAD", "FILESRV", "PRINTER") == ["wpad, filesrv, printer"]
    assert answers("HMI-3", "HMI-3", "HMI-3") == []
    assert answers("HMI-3", "HMI-3-OLD") == []


def test_a_name_server_answers_for_everybody() -> None:
    """WINS: recursion available."""
    octets = [nbns_answer(name, f"192.168.0.{last}") for last, name in enumerate(("A1", "B2", "C3", "D4"), 5)]
    served = [one[:3] + bytes([one[3] | 0x80]) + one[4:] for one in octets]
    assert not any(kind == "answers_for" for _, kind, _, _ in said("nbns", *served))
    assert any(kind == "answers_for" for _, kind, _, _ in said("nbns", *octets))
