"""What carries other traffic in TCP, by its first bytes; and where it makes a result incomplete."""

from __future__ import annotations

from pathlib import Path

import pytest

from otwatch.streams.identify import SEALED, Identifier, sealed
from otwatch.vocabulary import Sealed
from tests.evasion.acts import ACTS, Talk
from tests.evasion.messages import TLS_HELLO
from tests.evasion.test_variants import analysed
from tests.evasion.wire import PLC, Capture, Host, Tcp

OUTSIDE = Host("9.9.9.9", "020000000009", "2620:fe::9")
INSIDE = Host("192.168.10.99", "020000000099", "fd00::99")
SSH = b"SSH-2.0-OpenSSH_9.2\r\n"
OPENVPN = b"\0\x0e\x38" + bytes(range(1, 9)) + bytes(5)


@pytest.mark.parametrize(("first", "found"), [
    (TLS_HELLO, Sealed.TLS), (b"\x17\x03\x03\x00\x40" + bytes(64), Sealed.TLS), (b"\x16\x09\x03\x00\x40", Sealed.NO), (SSH, Sealed.SSH),
    (OPENVPN, Sealed.OPENVPN), (b"\0\x36\x50" + bytes(range(1, 9)) + b"\0\0\0\1" + bytes(41), Sealed.OPENVPN), (b"GET / HTTP/1.1\r\n\r\n", Sealed.NO),
    (b"\0\x0e\x38" + bytes(range(13)), Sealed.NO), (bytes(40), Sealed.NO), (b"", Sealed.NO)])
def test_the_first_bytes_tell(first: bytes, found: Sealed) -> None:
    assert sealed(first) == found


@pytest.mark.parametrize(("who", "first", "incomplete"), [
    (OUTSIDE, TLS_HELLO, True), (INSIDE, TLS_HELLO, False), (OUTSIDE, SSH, True), (INSIDE, SSH, False), (INSIDE, OPENVPN, True)])
def test_what_comes_from_outside_to_a_controller_is_not_read(who: Host, first: bytes, incomplete: bool, tmp_path: Path) -> None:
    capture = Capture()
    Talk(capture, ACTS[0]).begin()
    talk = Tcp(capture, who, PLC, 4443, client_port=50_001)
    talk.say(first)
    talk.answer(first)
    _, result = analysed(capture.write(tmp_path / "sealed.pcap"))
    assert [spot.kind for spot in result.blind_spots] == ["undecoded-traffic"] * incomplete
    assert result.incomplete is incomplete


def test_no_more_conversations_than_the_limit_are_remembered() -> None:
    identifier = Identifier(())
    for client in range(SEALED + 3):
        identifier.seal(SSH, client, 1, 22)
    assert (len(identifier.sealed), identifier.sealed_over) == (SEALED, 3)
