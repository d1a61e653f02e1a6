# cython: boundscheck=True, wraparound=False, cdivision=True
"""Which protocol a flow speaks: content decides, the port is a hint. Called once or a few times a flow."""

from __future__ import annotations

from dataclasses import dataclass

import cython

from otwatch.protocols.spec import ProtocolSpec, Verdict
from otwatch.streams.framing import MORE, PROBE_BYTES, WRONG, Framer
from otwatch.vocabulary import Sealed

_MORE = cython.declare(cython.longlong, MORE)
_WRONG = cython.declare(cython.longlong, WRONG)
_PROBE_BYTES = cython.declare(cython.Py_ssize_t, PROBE_BYTES)
SEALED = 4_096  # conversations that are remembered to carry other traffic in TCP; more are counted
_OPENVPN_RESETS = (0x38, 0x40, 0x50)
_OPENVPN_FIRST = (b"\0\0\0\1", b"\x0f\0\0\1")  # packet id of the first message, of a static key or with a client's own one


def sealed(first: bytes) -> Sealed:
    """What the first bytes of a stream that no protocol fits are, if they are of something that carries other traffic: a record of TLS (RFC 8446
    section 5.1), SSH's version (RFC 4253 section 4.2), or OpenVPN over TCP, which puts a length before each of its messages."""
    if first.startswith(b"SSH-"):
        return Sealed.SSH
    if len(first) >= 5 and 20 <= first[0] <= 23 and first[1] == 3 and first[2] <= 4 and 0 < int.from_bytes(first[3:5], "big") <= 16_640:
        return Sealed.TLS
    length = int.from_bytes(first[:2], "big")
    if len(first) >= 16 and length + 2 <= max(len(first), PROBE_BYTES) and first[2] in _OPENVPN_RESETS:
        bare = length in (14, 26) and first[12:16] == bytes(4)
        if bare or (length >= 54 and any(first[11 + size:15 + size] in _OPENVPN_FIRST for size in (0, 16, 20, 32, 64))):
            return Sealed.OPENVPN
    return Sealed.NO


@dataclass(frozen=True, slots=True)
class Candidates:
    """The framings to try on a flow, in this order; the first `hinted` of them are those of protocols whose port it uses."""

    framers: tuple[Framer, ...]
    hinted: int


class Identifier:
    """Every framing of every protocol."""

    def __init__(self, protocols: tuple[ProtocolSpec, ...]) -> None:
        self.framers = [[Framer(framing, protocol, index) for index, framing in enumerate(spec.framings)]
                        for protocol, spec in enumerate(protocols, 1)]
        self.all = [framer for group in self.framers for framer in group]
        self._by_port: dict[tuple[int, int], list[Framer]] = {}
        for spec, group in zip(protocols, self.framers, strict=True):
            for port in spec.ports:
                self._by_port.setdefault((port.transport, port.number), []).extend(group)
        self._anywhere = tuple(framer for framer in self.all if not framer.framing.on_port_only)
        # Those that a place within other bytes may show: not by the function alone, nor where it would be UNSURE at best
        self.lasting = [framer for framer in self._anywhere if framer.framing.cut is None and not framer.framing.stand_in]
        self._plain = Candidates(self._anywhere, 0)
        self._hinted: dict[tuple[int, int, int], Candidates] = {}  # made when asked for: transport, hinting ports of server and client, -1 none
        # (client, server, port of the server) -> what its TCP connections of no known protocol begin with, and how many did
        self.sealed: dict[tuple[int, int, int], tuple[Sealed, int]] = {}
        self.sealed_over = 0  # connections beyond the limit of those

    def seal(self, first: bytes, client: int, server: int, port: int) -> bool:
        """Notes a connection that carries other traffic, by the first bytes of one side. Returns whether it does."""
        found = sealed(first)
        if found == Sealed.NO:
            return False
        key = (int(client), int(server), int(port))
        if key not in self.sealed and len(self.sealed) >= SEALED:
            self.sealed_over += 1
        else:
            self.sealed[key] = (found, self.sealed.get(key, (found, 0))[1] + 1)
        return True

    def candidates(self, transport: int, client_port: int, server_port: int) -> Candidates:
        """Hinted ones first, those of the server's port before those of the client's."""
        server, client = self._by_port.get((transport, server_port)), self._by_port.get((transport, client_port))
        if server is None and client is None:
            return self._plain
        key = (transport, server_port if server else -1, client_port if client else -1)
        found = self._hinted.get(key)
        if found is None:
            ordered = tuple(dict.fromkeys([*(server or ()), *(client or ())]))
            found = Candidates(ordered + tuple(framer for framer in self._anywhere if framer not in ordered), len(ordered))
            self._hinted[key] = found
        return found

    def decide(self, first: bytes, direction: int, candidates: Candidates, *, final: bool) -> Framer | int:
        """The framer that fits the first bytes, MORE when they do not tell yet (never if `final`), WRONG when none fits.

        A probe sees the first PDU whole (at most 256 bytes of it), so the answer does not depend on how the bytes came. Two hinted protocols
        that are both unsure (TPKT carries several) wait for more bytes.
        """
        first = first[:PROBE_BYTES]
        view: cython.const[cython.uchar][::1] = memoryview(first)  # type: ignore[valid-type]
        size: cython.Py_ssize_t = len(first)
        length: cython.longlong
        look: cython.Py_ssize_t
        framer: Framer
        final = final or size == PROBE_BYTES
        unsure: list[Framer] = []
        any_unsure = False
        for index, framer in enumerate(candidates.framers):
            length = framer.measure(view, 0, size, direction)  # type: ignore[no-untyped-call]
            if length == _WRONG:
                continue
            if length == _MORE:
                if final:
                    continue
                return MORE
            if length > size and index < candidates.hinted and framer.framing.ends is not None:
                known = framer.framing.ends(first, direction, length)  # a length that says more than there is
                if known == len(first) or 0 < known < len(first) <= known + max(
                    0, framer.measure(view, known, len(first), direction)):  # type: ignore[no-untyped-call]
                    return framer
            look = length if length < _PROBE_BYTES else _PROBE_BYTES
            if look > size and not final:
                return MORE
            verdict = framer.verdict(first if look >= size else first[:look], direction)
            if verdict == Verdict.UNSURE and size > look:
                verdict = max(verdict, framer.verdict(first, direction))
            if verdict == Verdict.YES:
                return framer
            if verdict == Verdict.UNSURE:
                any_unsure = True
                if index < candidates.hinted:
                    unsure.append(framer)
        if unsure and (final or len({framer.protocol for framer in unsure}) == 1):
            return unsure[0]
        return MORE if any_unsure and not final else WRONG

    def reversed(self, framer: Framer, first: bytes, direction: int, *, by_port: bool) -> bool:
        """Whether the bytes tell that they go the other way. Where the port says who serves, only bytes that cannot go this way do."""
        if framer.probe is None:
            return False
        look = min(max(framer.measure(memoryview(first), 0, len(first), direction), 1), PROBE_BYTES)  # type: ignore[no-untyped-call]
        here, there = framer.probe(first[:look], direction), framer.probe(first[:look], 1 - direction)
        return bool(here == Verdict.NO and there != Verdict.NO) if by_port else bool(there > here)

    def conversation(self, framer: Framer, said: bytes, direction: int, replied: bytes) -> Verdict:
        """Whether one side asks in the framer's protocol and the other answers, whichever is which; the weaker verdict of the two sides counts."""
        probe, answers = framer.probe, framer.framing.answers
        if probe is None or answers is None:
            return Verdict.UNSURE
        best = Verdict.NO
        for way in (direction, 1 - direction):
            fit = min(probe(said, way), probe(replied, 1 - way))
            if fit == Verdict.YES and not answers(*((said, replied) if way == 0 else (replied, said))):
                fit = Verdict.UNSURE
            best = max(best, fit)
        return best

    def stand_in(self, framer: Framer) -> Framer | None:
        """The framing of the same protocol that is tried where one of this framing should start and does not."""
        return next((other for other in self.framers[framer.protocol - 1] if other.framing.stand_in and framer.index == 0), None)
