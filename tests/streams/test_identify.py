"""Content decides, the port is a hint."""

from __future__ import annotations

from otwatch.streams.framing import MORE, WRONG, Framer
from otwatch.streams.identify import Identifier
from tests.oracle.streams import dnp3_frame
from tests.streams import specs
from tests.streams.specs import modbus_request

IDENTIFIER = Identifier(specs.SPECS)
ON_502, ELSEWHERE, ON_102 = (IDENTIFIER.candidates(6, 40000, port) for port in (502, 9999, 102))
OPENING = b"\3\0\0\x08\2\x11\x80\0"  # TPKT, COTP of a kind that the probe does not know


def name(found: Framer | int) -> str | int:
    return found.framing.name if isinstance(found, Framer) else found


def test_hinted_ones_come_first() -> None:
    assert [framer.protocol for framer in ON_102.framers] == [2, 1, 3]
    assert (ON_102.hinted, ELSEWHERE.hinted) == (1, 0)
    both = IDENTIFIER.candidates(6, 102, 502)
    assert [framer.protocol for framer in both.framers] == [1, 2, 3]


def test_content_on_any_port() -> None:
    for candidates in (ON_502, ELSEWHERE, ON_102):
        assert name(IDENTIFIER.decide(modbus_request(1), 0, candidates, final=False)) == "tcp"
        assert name(IDENTIFIER.decide(dnp3_frame(b"ab"), 0, candidates, final=False)) == "link"
        assert IDENTIFIER.decide(b"GET / HTTP/1.1", 0, candidates, final=False) == WRONG


def test_unsure_needs_the_port() -> None:
    assert name(IDENTIFIER.decide(OPENING, 0, ON_102, final=False)) == "tpkt"
    assert IDENTIFIER.decide(OPENING, 0, ELSEWHERE, final=False) == MORE
    assert IDENTIFIER.decide(OPENING, 0, ELSEWHERE, final=True) == WRONG


def test_an_unfinished_first_pdu_is_waited_for_unless_there_is_no_more() -> None:
    assert IDENTIFIER.decide(modbus_request(1)[:10], 0, ON_502, final=False) == MORE
    assert name(IDENTIFIER.decide(modbus_request(1)[:10], 0, ON_502, final=True)) == "tcp"
    assert IDENTIFIER.decide(b"\0", 0, ON_502, final=True) == WRONG
    assert IDENTIFIER.decide(b"", 0, ON_502, final=False) == MORE


def test_the_direction_is_told_by_content() -> None:
    framer = IDENTIFIER.framers[2][0]
    from_outstation = dnp3_frame(b"ab", control=0x44)
    assert IDENTIFIER.reversed(framer, from_outstation, 0, by_port=False)
    assert IDENTIFIER.reversed(framer, from_outstation, 0, by_port=True)
    assert not IDENTIFIER.reversed(framer, from_outstation, 1, by_port=False)
    assert not IDENTIFIER.reversed(IDENTIFIER.framers[0][0], modbus_request(1), 0, by_port=False)
