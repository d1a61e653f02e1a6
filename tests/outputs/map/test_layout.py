"""The layout of the map: nothing overlaps, the order of the input does not matter, and a new host moves only its own column."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from otwatch.outputs.map.layout import LEVELS, Box, Layout, Symbol, layout

_ZONES = st.sampled_from(["office", "cell", "cell 2", "between zones", "", "<b>", "Zone Ω"])
_SYMBOLS = st.lists(
    st.builds(
        Symbol,
        key=st.integers(0, 10_000).map(lambda number: f"a{number}"),
        zone=_ZONES,
        level=st.sampled_from(LEVELS),
        order=st.tuples(st.integers(0, 5), st.text(max_size=3)),
        card=st.booleans(),
    ),
    max_size=60,
    unique_by=lambda symbol: symbol.key,
)


@given(_SYMBOLS)
def test_nothing_overlaps_and_everything_is_inside(symbols: list[Symbol]) -> None:
    plan = layout(symbols)
    assert set(plan.spots) == {symbol.key for symbol in symbols}
    for one, other in combinations([*plan.spots.values()], 2):
        assert not one.overlaps(other)
    for zone, other in combinations(plan.zones, 2):
        assert not zone.overlaps(other)
    for symbol in symbols:
        spot, zone = plan.spots[symbol.key], next(zone for zone in plan.zones if zone.text == symbol.zone)
        assert _inside(spot, zone), (spot, zone)
        assert spot.x + spot.width <= plan.width
        assert spot.y + spot.height <= plan.height
        assert [type(number) for number in (spot.x, spot.y, spot.width, spot.height)] == [int] * 4


@given(_SYMBOLS, st.randoms())
def test_the_order_of_the_input_does_not_matter(symbols: list[Symbol], random) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(symbols)
    random.shuffle(shuffled)
    assert layout(shuffled) == layout(symbols)


@given(_SYMBOLS, st.builds(Symbol, key=st.just("new"), zone=_ZONES, level=st.sampled_from(LEVELS), order=st.tuples(st.integers(0, 5), st.just("x"))))
def test_a_new_host_moves_only_its_column(symbols: list[Symbol], new: Symbol) -> None:
    before, after = layout(symbols), layout([*symbols, new])
    for zone in {symbol.zone for symbol in symbols} - {new.zone}:
        for level in LEVELS:
            here = [symbol for symbol in symbols if symbol.zone == zone and symbol.level == level]
            assert _within(before, here) == _within(after, here), (zone, level)


@given(_SYMBOLS)
def test_rows_are_levels_from_top_to_bottom(symbols: list[Symbol]) -> None:
    plan = layout(symbols)
    for zone in {symbol.zone for symbol in symbols}:
        tops = [
            min(plan.spots[one.key].y for one in symbols if one.zone == zone and one.level == level)
            for level in LEVELS
            if any(one.zone == zone and one.level == level for one in symbols)
        ]
        assert tops == sorted(tops)


def test_an_empty_plant_has_an_empty_map() -> None:
    plan = layout([])
    assert (plan.spots, plan.zones, plan.bands, plan.height) == ({}, (), (), 0)


def test_a_wide_plant_gets_several_banks() -> None:
    plan = layout(Symbol(key=f"a{number}", zone=f"zone {number:03}", level=1.0) for number in range(300))
    assert plan.width <= 2 * plan.height
    assert len(plan.zones) == 300


def _inside(spot: Box, zone: Box) -> bool:
    return zone.x <= spot.x and zone.y <= spot.y and spot.x + spot.width <= zone.x + zone.width and spot.y + spot.height <= zone.y + zone.height


def _within(plan: Layout, symbols: list[Symbol]) -> list[tuple[str, int, int]]:
    """Places relative to the first of them: a column may move as a whole."""
    spots = [(symbol.key, plan.spots[symbol.key]) for symbol in sorted(symbols, key=lambda one: one.key)]
    return [(key, spot.x - spots[0][1].x, spot.y - spots[0][1].y) for key, spot in spots]
