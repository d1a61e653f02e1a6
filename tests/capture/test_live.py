"""The choice of the live source."""

from __future__ import annotations

import socket

import pytest

from otwatch.capture import libpcap, ring
from otwatch.capture.live import open_live, open_shared
from otwatch.errors import CaptureError


def test_the_source_is_the_one_that_was_asked_for_or_that_the_system_has(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, object]] = []
    monkeypatch.setattr(ring, "LiveSource", lambda interfaces, **options: asked.append(("ring", options["blocks"])))
    monkeypatch.setattr(libpcap, "PcapSource", lambda interfaces, **options: asked.append(("libpcap", options["buffer_bytes"])))
    monkeypatch.setattr(socket, "AF_PACKET", 17, raising=False)
    open_live(["x"], blocks=3)
    open_live(["x"], blocks=4, capture="ring")
    open_live(["x"], blocks=5, block_bytes=1000, capture="libpcap")
    monkeypatch.delattr(socket, "AF_PACKET")
    open_live(["x"], blocks=3, block_bytes=1000)
    open_live(["x"], blocks=4, capture="ring")
    assert asked == [("ring", 3), ("ring", 4), ("libpcap", 5000), ("libpcap", 3000), ("ring", 4)]


def test_sharing_needs_af_packet(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CaptureError, match="AF_PACKET"):
        open_shared(["lo"], 2, capture="libpcap")
    monkeypatch.delattr(socket, "AF_PACKET", raising=False)
    with pytest.raises(CaptureError, match="AF_PACKET"):
        open_shared(["lo"], 2)


def test_without_af_packet_the_ring_points_to_libpcap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_PACKET", raising=False)
    with pytest.raises(CaptureError, match="libpcap"):
        ring.LiveSource(["lo"])
