"""The map as data: which symbols and lines there are, what is folded, and what is never drawn."""

from __future__ import annotations

from otwatch.outputs.view.assemble import plant_view
from otwatch.outputs.view.mapping import SYMBOLS
from otwatch.outputs.view.plant import MapView
from tests.outputs.report.plants import asset, plant, result, talk


def drawn(*talks, assets=("10.0.0.1", "10.0.0.2"), **more) -> MapView:  # type: ignore[no-untyped-def]
    return plant_view(result(assets=[asset(address, zone="cell") for address in assets], talks=list(talks), **more)).map


def test_a_line_per_pair_and_class() -> None:
    lines = drawn(
        talk("10.0.0.1", "10.0.0.2"),
        talk("10.0.0.1", "10.0.0.2", "s7comm"),
        talk("10.0.0.1", "10.0.0.2", "dnp3", actions={"WRITE": 1}),
        talk("10.0.0.1", "10.0.0.2", "http?", actions={}),
    ).lines
    assert sorted(line.kind for line in lines) == ["command", "other", "read"]
    assert next(line for line in lines if line.kind == "read").protocols == ("modbus", "s7comm")


def test_a_scan_is_one_line() -> None:
    silent = {"packets_to_client": 0, "payload_to_client": 0, "payload_to_server": 0}
    tried = [talk("10.0.0.1", "10.0.0.2", f"tcp/{port}", actions={}, server_port=port) for port in range(28)]
    for one in tried:
        one.counts.update(silent)
    (line,) = drawn(*tried).lines
    assert (line.kind, line.words) == ("tried", "28 services tried without answer")


def test_groups_are_never_hosts_and_arp_is_no_conversation() -> None:
    view = drawn(
        talk("10.0.0.1", "224.0.1.129", "ptp", actions={}),
        talk("10.0.0.2", "10.0.0.255", "netbios", actions={}),
        talk("10.0.0.2", "01:0c:cd:01:00:01", "goose", actions={}),
        talk("10.0.0.1", "10.0.0.2", "arp", actions={}),
    )
    assert view.lines == ()
    assert sorted(group for group, _, _ in view.groups) == ["01:0c:cd:01:00:01", "10.0.0.255", "224.0.1.129"]
    assert len(view.symbols) == 2


def test_small_plants_are_not_folded_and_large_ones_are() -> None:
    assert not plant_view(plant(40, 50)).map.folded
    view = plant_view(plant(400, 800)).map
    assert view.folded
    assert len(view.symbols) <= SYMBOLS
    inside = [number for symbol in view.symbols for number in [symbol.number, *(member.number for member in symbol.members)] if number >= 0]
    assert sorted(inside) == list(range(400))


def test_members_of_a_group_have_places_inside_it_that_do_not_overlap() -> None:
    for symbol in plant_view(plant(400, 0)).map.symbols:
        places = [(member.x, member.y) for member in symbol.members]
        assert len(places) == len(set(places))
        for x, y in places:
            assert symbol.spot.x * 100 <= x <= x + symbol.size <= (symbol.spot.x + symbol.spot.width) * 100
            assert symbol.spot.y * 100 <= y < (symbol.spot.y + symbol.spot.height) * 100


def test_forged_sources_of_thousands_of_networks_fold_too() -> None:
    assets = [asset(f"{20 + number // 65_536}.{number // 256 % 256}.{number % 256}.1", "it_host", zone=f"net {number}") for number in range(4_000)]
    view = plant_view(result(assets=assets, talks=[talk(one.id, assets[0].id, "http", actions={}) for one in assets[1:]])).map
    assert len(view.symbols) <= SYMBOLS
    assert len(view.lines) <= SYMBOLS


def test_levels_come_from_the_role_then_the_zone() -> None:
    found = plant_view(
        result(
            assets=[
                asset("10.0.0.1", "scada_server", zone="cell", zone_level=1.0),
                asset("10.0.0.2", "server", zone="cell", zone_level=1.0),
                asset("10.0.0.3", "host"),
                asset("93.184.216.34", "it_host"),
            ]
        )
    )
    assert [(one.level_text, one.level_source) for one in found.assets] == [
        ("2", "by role"),
        ("1", "by zone"),
        ("unknown", "not known"),
        ("5", "public address"),
    ]


def test_public_addresses_are_one_column() -> None:
    view = plant_view(result(assets=[asset(f"93.184.{number}.34", "server", zone=f"93.184.{number}.0/24") for number in range(5)])).map
    assert [zone.text for zone in view.layout.zones] == ["internet"]
