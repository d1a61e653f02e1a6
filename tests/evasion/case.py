"""A blind spot of other monitors, as a capture, and what otwatch has to say of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.evasion.messages import poll, poll_answer
from tests.evasion.wire import HMI, PLC, Capture, Tcp

WRITE_RULE = "ot.unauthorized-write"
OPERATOR_RULE = "ot.write-by-operator"
STOP_RULE = "ot.controller-stop"
_RULES = {"WRITE": WRITE_RULE, "CONTROL": WRITE_RULE, "STOP": STOP_RULE}


@dataclass(frozen=True, kw_only=True)
class Case:
    """`seen`: fields of the request rows that must be there, each row exactly `times`; `odd` and `never`: anomalies that must, must not be told."""

    name: str
    blind: str  # what others miss, in a sentence
    make: Callable[[], Capture]
    seen: Mapping[str, Any]
    times: int = 1
    role: str = "request"
    src: str = "192.168.10.77"  # who acts
    rules: tuple[str, ...] = ()  # beside that of the operation
    odd: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    blind_spots: tuple[str, ...] = ()  # kinds of what the result says could not be seen
    tunnel: str | None = None
    protocols: Mapping[int, str] = field(default_factory=dict)  # protocol of the flow with this client port, "" none
    counts: Mapping[str, int] = field(default_factory=dict)  # rows of operations by protocol, where the whole number matters

    @property
    def all_rules(self) -> tuple[str, ...]:
        """The rules that must alert."""
        own = (_RULES[self.seen["action"]],) if self.role == "request" and self.seen["action"] in _RULES else ()
        return own + self.rules


def background(capture: Capture) -> Capture:
    """What the plant does all day: the HMI polls the controller."""
    talk = Tcp(capture, HMI, PLC, 502, client_port=40_000, start=(70_000, 80_000))
    for number in range(3):
        talk.say(poll(number))
        talk.answer(poll_answer(number))
    return capture
