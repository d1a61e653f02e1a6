"""The tables of a result on a terminal: what a device said is shown wherever it was said, and nothing that is not so."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from otwatch.alerts.alert import Alert, Severity
from otwatch.alerts.outcome import Outcome
from otwatch.cli import text
from otwatch.inventory.asset import Asset, Child, KnownFact
from tests.cli.calling import ATTACK, otwatch


def fact(kind: str, value: str) -> KnownFact:
    return KnownFact(kind=kind, value=value, source="modbus.read_device_identification", confidence=1.0, frame=77, file="a.pcap")


def child(unit: int, name: str, *, answered: bool = True, facts: list[KnownFact] | None = None) -> Child:
    return Child(name=name, protocol="modbus", unit=unit, messages=3, answered=answered, facts=facts or [])


def shown(children: list[Child], **more: object) -> str:
    asset = Asset(id="10.0.0.9", addresses=["10.0.0.9"], macs=[], roles=["controller"], children=children, **more)  # type: ignore[arg-type]
    out = io.StringIO()
    text._assets([asset], Console(file=out, width=240))
    return out.getvalue()


def test_a_device_that_answers_as_several_units_still_says_what_it_is() -> None:
    identity = [fact("vendor", "Schneider Electric"), fact("order_number", "TM221CE40R"), fact("firmware", "V1.13.1.0")]
    assert "unit 1: vendor Schneider Electric, order number TM221CE40R, firmware V1.13.1.0" in shown(
        [child(1, "unit 1", facts=identity), child(2, "unit 2")]
    )


def test_what_the_device_itself_says_comes_without_a_unit() -> None:
    assert " firmware V4.3" in shown([child(1, "unit 1")], facts=[fact("firmware", "V4.3")])
    assert " model M221" in shown([child(1, "unit 1", facts=[fact("model", "M221")])])


def test_every_unit_behind_a_gateway_says_what_it_is() -> None:
    own, first, second = [fact("model", "GW-1")], [fact("order_number", "6ES7 315")], [fact("vendor", "ABB"), fact("firmware", "V9")]
    told = shown([child(1, "unit 1", facts=first), child(2, "unit 2", facts=second)], facts=own)
    lines = [line.strip() for line in told.splitlines()]
    assert " model GW-1 " in told
    assert "unit 1: order number 6ES7 315" in lines
    assert "unit 2: vendor ABB, firmware V9" in lines


def test_many_units_do_not_fill_the_screen() -> None:
    told = shown([child(unit, f"unit {unit}", facts=[fact("model", "M")]) for unit in range(1, 9)])
    assert "unit 3: model M" in told
    assert "unit 4: model M" not in told
    assert "and 5 more: otwatch export facts" in told


def test_only_units_that_answered_are_behind_a_device() -> None:
    scanned = [child(0, ""), child(1, "unit 1"), child(9, "unit 9", answered=False)]
    assert " unit 1 " in shown(scanned)
    assert "unit 9" not in shown(scanned)
    assert "unit 9" in shown([child(9, "unit 9", answered=False)])  # one direction only: nobody was seen to answer


def test_a_vendor_ends_without_the_comma_of_the_registry() -> None:
    assert "Siemens AG " in shown([], vendor="Siemens AG,")


def test_the_title_of_a_narrow_table_stays_on_one_line() -> None:
    out = io.StringIO()
    Console(file=out, width=80).print(text._table("Malformed or out of protocol", "kind", "count|right"))
    assert "Malformed or out of protocol" in out.getvalue()


def test_a_scan_has_no_outcome() -> None:
    out = io.StringIO()
    alert = Alert(
        id="1",
        rule="network.port-scan",
        title="T",
        severity=Severity.HIGH,
        confidence=0.9,
        first_seen_ns=0,
        last_seen_ns=0,
        count=9,
        src="a",
        dst="b",
    )
    text._alerts([alert], Console(file=out, width=200))
    assert "requested" not in out.getvalue()


def test_no_address_is_broken_on_a_narrow_terminal() -> None:
    out = io.StringIO()
    hosts = {"src": "192.168.100.111", "dst": "192.168.100.222"}
    alert = Alert(
        id="1",
        rule="ot.unauthorized-configuration",
        title="T",
        severity=Severity.CRITICAL,
        confidence=0.9,
        first_seen_ns=0,
        last_seen_ns=0,
        count=12345,
        protocol="s7comm",
        action="WRITE",
        function_name="write_multiple_registers",
        object="SZL 0x001c index 0x0000",
        outcome=Outcome.CONFIRMED,
        **hosts,  # type: ignore[arg-type]
    )
    console = Console(file=out, width=80)
    text._alerts([alert], console)
    asset = Asset(id=hosts["src"], behind=hosts["dst"], addresses=[], macs=[], roles=["engineering_station"], vendor="SCHWEITZER ENGINEERING")
    asset.facts, asset.protocols = [fact("order_number", "6ES7 315-2EH14-0AB0")], {"s7comm-plus": "client", "modbus": "both", "dnp3": "client"}
    asset.children = [child(1, "rack 0 slot 1"), child(2, "rack 0 slot 2")]
    text._assets([asset], console)
    assert "confirmed" in out.getvalue()  # the last column is not cut off
    assert [out.getvalue().count(address) for address in hosts.values()] == [2, 2]


def listed(assets: list[Asset], authors: set[str]) -> str:
    out = io.StringIO()
    text._assets(assets, Console(file=out, width=240), authors)
    return out.getvalue()


def test_every_address_of_an_asset_is_told_of() -> None:
    addresses = [f"10.0.0.{number}" for number in range(1, 8)]
    told = listed([Asset(id="10.0.0.1", addresses=addresses, macs=[])], {"10.0.0.7"})
    assert all(address in told for address in ("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.7"))  # who did something is among those shown
    assert "+3" in told


def test_who_did_something_is_in_a_table_that_is_cut() -> None:
    assets = [Asset(id=f"10.0.1.{number}", addresses=[f"10.0.1.{number}"], macs=[]) for number in range(100)]
    told = listed(assets, {"10.0.1.99"})
    assert "10.0.1.99" in told
    assert "10.0.1.98" not in told
    assert "and 59 more" in told


@pytest.mark.parametrize("columns", [60, 80])
def test_a_narrow_output_wraps_at_words_and_names_the_columns_that_it_leaves_out(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    told = otwatch("analyze", ATTACK)
    assert told.returncode == 0
    assert [line for line in told.stdout.splitlines() if len(line) > columns] == []
    assert ("Too narrow for the column" in told.stdout) == (columns == 60)
    monkeypatch.delenv("COLUMNS")
    wide = otwatch("analyze", ATTACK).stdout
    words = told.stdout[: told.stdout.index("What this capture could not show")].split()
    assert words == wide[: wide.index("What this capture could not show")].split()  # nothing is broken inside a word, or lost
