"""Facts of plain traffic: what a host says of itself is made once, what is done to it once a connection."""

from __future__ import annotations

from otwatch.limits import Limits
from otwatch.protocols.spec import Fact, Weakness
from otwatch.tables import Pdus

# Of a protocol in which passwords pass in clear text, with who sends it and never the password: an act, about the server that takes it
CLEAR_TEXT = Weakness(kind="clear_text_credentials", text="takes the {value} in clear text")
_REMEMBERED = 65_536  # facts; beyond it they may repeat
_VALUES = 16  # of one kind that one host says of itself: a browser names itself, a scanner invents names
_ACTS = 1_024  # of one connection


class Telling:
    """Makes facts of the PDU at hand (`begin`)."""

    def __init__(self, protocol: str, limits: Limits) -> None:
        self._protocol = protocol
        self._characters = limits.text_characters
        self._said: set[tuple[int, str, str]] = set()
        self._values: dict[tuple[int, str], int] = {}
        self._acts: dict[int, set[tuple[int, str, str]]] = {}

    def begin(self, pdus: Pdus, pdu: int, facts: list[Fact]) -> None:
        """What is said next is of this PDU."""
        self._place = int(pdus.timestamp_ns[pdu]), int(pdus.frame[pdu]), int(pdus.flow[pdu])
        self.source, self.destination = int(pdus.source[pdu]), int(pdus.destination[pdu])
        self._facts = facts

    def say(self, address: int, kind: str, value: str, message: str) -> None:
        """`address` says (or shows) that it is `value`; `message` is the one that says it."""
        value = clean(value)[: self._characters]
        key = address, kind, value
        if not value or key in self._said:
            return
        if len(self._said) >= _REMEMBERED:
            self._said.clear()
            self._values.clear()
        count = self._values.get(key[:2], 0)
        if count >= _VALUES:
            return
        self._values[key[:2]] = count + 1
        self._said.add(key)
        self._add(address, -1, kind, value, message)

    def act(self, target: int, actor: int, kind: str, value: str, message: str) -> None:
        """`actor` did something to `target`; the same again in one connection is no news."""
        value = clean(value)[: self._characters]
        done = self._acts.setdefault(self._place[2], set())
        if len(done) < _ACTS and (target, kind, value) not in done:
            done.add((target, kind, value))
            self._add(target, actor, kind, value, message)

    def _add(self, address: int, peer: int, kind: str, value: str, message: str) -> None:
        time, frame, flow = self._place
        source = f"{self._protocol}.{message}"
        self._facts.append(Fact(timestamp_ns=time, frame=frame, flow=flow, address=address, peer=peer, kind=kind, value=value, source=source))

    def clear_text(self, protocol: str, user: str, message: str, *, server: int, client: int) -> None:
        """A password passed in clear text. Its value does not come here."""
        self.act(server, client, "clear_text_credentials", f"{protocol} password of {user}" if user else f"{protocol} password", message)

    def forget(self, flow: int) -> None:
        """The connection is over."""
        self._acts.pop(flow, None)


def clean(text: str) -> str:
    """Without blanks and zeros around it."""
    return text.strip(" \t\r\n\0")


def utf16(octets: bytes) -> str:
    """Little-endian UTF-16 up to its end or the first zero; wrong pairs are replaced."""
    return octets[: len(octets) & ~1].decode("utf-16-le", "replace").partition("\0")[0]
