"""Interfaces that go away while they are listened on, and come back."""

from __future__ import annotations

import pytest

from tests.capture.wire import Watcher, Wire, frame, lab

pytestmark = [*lab, pytest.mark.parametrize("source", ["ring", "libpcap"])]


def test_an_interface_that_goes_down_or_is_made_anew_is_waited_for(source: str) -> None:
    with Wire() as wire, Watcher(wire, source) as watcher:
        wire.send([frame(1)])
        watcher.sees(packets=1, up=True, losses=0)
        wire.up(False)
        watcher.sees(packets=1, up=False, losses=1)
        wire.up(True)
        watcher.sees(packets=1, up=True, losses=1)
        wire.send([frame(2)] * 2)
        watcher.sees(packets=3, up=True, losses=1)
        wire.unplug()
        watcher.sees(packets=3, up=False, losses=2)
        wire.plug()
        watcher.sees(packets=3, up=True, losses=2)
        wire.send([frame(3)] * 3)
        watcher.sees(packets=6, up=True, losses=2)


def test_a_cable_that_is_pulled_is_noticed(source: str) -> None:
    """The interface stays up, as the administrator set it; it has no carrier."""
    with Wire() as wire, Watcher(wire, source) as watcher:
        watcher.sees(packets=0, up=True, losses=0)
        wire.run("ip", "-n", wire.others, "link", "set", "wire1", "down")
        watcher.sees(packets=0, up=False, losses=1)
        wire.run("ip", "-n", wire.others, "link", "set", "wire1", "up")
        watcher.sees(packets=0, up=True, losses=1)
        wire.send([frame(1)])
        watcher.sees(packets=1, up=True, losses=1)
