"""Ways to say a dangerous thing so that a monitor misses it: each is played with every act (`acts`) that it fits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.evasion.acts import Act, Talk
from tests.evasion.case import background
from tests.evasion.wire import Capture

STREAMS, DATAGRAMS, BOTH = "streams", "datagrams", "both"
ENIP = ("cip-stop", "pccc-mode")  # zeros are NOPs to it: a device, too, reads its next header from the middle of what follows


@dataclass(frozen=True, kw_only=True)
class Variant:
    """`play` fills a capture. `shown`: whether the capture holds the bytes of the act, so that its row must be there; else the result must say
    that something was not read. `role` of the row; `source` who acts; `most`: rows that may be there, where two readings hold the same act."""

    name: str
    play: Callable[[Capture, Act], None]
    shown: bool = True
    fits: str = STREAMS
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    role: str = "request"
    source: str = "192.168.10.77"
    most: int = 1
    wrap: Callable[[bytes], bytes] = bytes
    snap: int = 65_535

    def suits(self, act: Act) -> bool:
        """Whether the act can be said this way."""
        fits = self.fits == BOTH or act.datagrams == (self.fits == DATAGRAMS)
        return fits and act.name not in self.without and (not self.only or act.name.startswith(self.only))

    def capture(self, act: Act) -> Capture:
        """The act in this way."""
        made = background(Capture(snap=self.snap))
        made.wrap = self.wrap
        self.play(made, act)
        return made


def during(play: Callable[[Talk], None], **how: object) -> Callable[[Capture, Act], None]:
    """In a conversation that has begun; `play` says the rest."""

    def whole(capture: Capture, act: Act) -> None:
        play(Talk(capture, act, **how).begin())

    return whole


def plain(talk: Talk) -> None:
    """The act as it should be said."""
    talk.say(talk.attack[0])
    talk.answered()


def unique(*groups: Iterable[Variant]) -> dict[str, Variant]:
    """By their names."""
    found = [variant for group in groups for variant in group]
    names = {variant.name: variant for variant in found}
    assert len(names) == len(found)
    return names
