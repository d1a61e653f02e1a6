"""Facts of plain traffic: what a host says of itself is made once, what is done to it once a connection."""

from __future__ import annotations

from otwatch.limits import Limits
from otwatch.protocols.kit.claims import Claims
from otwatch.protocols.spec import Fact, Weakness
from otwatch.tables import Pdus

# Of a protocol in which passwords pass in clear text, with who sends it and never the password: an act, about the server that takes it
CLEAR_TEXT = Weakness(kind="clear_text_credentials", text="takes the {value} in clear text")
_VALUES = 16  # of one kind that one host says of itself: a browser names itself, a scanner invents names
_HOSTS = 65_536  # hosts and kinds of which they are counted
_ACTS = 1_024  # of one connection


class Telling:
    """Makes facts of the PDU at hand (`begin`)."""

    def __init__(self, protocol: str, limits: Limits) -> None:
        self._protocol = protocol
        self._characters = limits.text_characters
        self._claims = Claims(limits)
        self._values: dict[tuple[int, str], set[str]] = {}
        self._acts: dict[int, set[tuple[int, str, str]]] = {}

    def begin(self, pdus: Pdus, pdu: int, facts: list[Fact]) -> None:
        """What is said next is of this PDU."""
        self._pdus, self._pdu, self._facts = pdus, pdu, facts
        self.source, self.destination = int(pdus.source[pdu]), int(pdus.destination[pdu])

    def say(self, address: int, kind: str, value: str, message: str) -> None:
        """`address` says (or shows) that it is `value`; `message` is the one that says it."""
        value = clean(value)[: self._characters]
        known = self._values.get((address, kind))
        if known is None:
            if len(self._values) >= _HOSTS:
                self._values.clear()
            known = self._values[address, kind] = set()
        if value in known or len(known) < _VALUES:
            known.add(value)
            self._claims.say(self._facts, self._pdus, self._pdu, address, kind, value, f"{self._protocol}.{message}")

    def act(self, target: int, actor: int, kind: str, value: str, message: str) -> None:
        """`actor` did something to `target`; the same again in one connection is no news."""
        pdus, pdu, value = self._pdus, self._pdu, clean(value)[: self._characters]
        done = self._acts.setdefault(int(pdus.flow[pdu]), set())
        if len(done) >= _ACTS or (target, kind, value) in done:
            return
        done.add((target, kind, value))
        self._facts.append(Fact(
            timestamp_ns=int(pdus.timestamp_ns[pdu]), frame=int(pdus.frame[pdu]), flow=int(pdus.flow[pdu]), address=target, peer=actor, kind=kind,
            value=value, source=f"{self._protocol}.{message}",
        ))  # fmt: skip

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
