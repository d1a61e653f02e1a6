"""Which protocol a flow speaks: content decides, the port is a hint. Called once or a few times a flow, so it is plain Python."""

from __future__ import annotations

from dataclasses import dataclass

from otwatch.protocols.spec import ProtocolSpec, Verdict
from otwatch.streams.framing import MORE, PROBE_BYTES, WRONG, Framer

_TRANSPORTS = (6, 17)


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
        self._plain = Candidates(tuple(self.all), 0)

    def candidates(self, transport: int, client_port: int, server_port: int) -> Candidates:
        """Hinted ones first, those of the server's port before those of the client's."""
        hinted = self._by_port.get((transport, server_port), []) + self._by_port.get((transport, client_port), [])
        if not hinted:
            return self._plain
        ordered = tuple(dict.fromkeys(hinted))
        return Candidates(ordered + tuple(framer for framer in self.all if framer not in ordered), len(ordered))

    def decide(self, first: bytes, direction: int, candidates: Candidates, *, final: bool) -> Framer | int:
        """The framer that fits the first bytes, MORE when they do not tell yet (never if `final`), WRONG when none fits.

        A probe sees the first PDU whole (at most 256 bytes of it), so the answer does not depend on how the bytes came. Two hinted protocols
        that are both unsure (TPKT carries several) wait for more bytes.
        """
        first = first[:PROBE_BYTES]
        view = memoryview(first)
        final = final or len(first) == PROBE_BYTES
        unsure: list[Framer] = []
        any_unsure = False
        for index, framer in enumerate(candidates.framers):
            length = framer.measure(view, 0, len(first), direction)  # type: ignore[no-untyped-call]
            if length == WRONG:
                continue
            if length == MORE:
                if final:
                    continue
                return MORE
            if index < candidates.hinted and framer.framing.ends is not None and length > len(first):
                known = framer.framing.ends(first, direction, length)  # a length that says more than there is
                if known == len(first) or 0 < known < len(first) <= known + max(
                    0, framer.measure(view, known, len(first), direction)):  # type: ignore[no-untyped-call]
                    return framer
            look = min(length, PROBE_BYTES)
            if look > len(first) and not final:
                return MORE
            verdict = framer.verdict(first[:look], direction)
            if verdict == Verdict.UNSURE and len(first) > look:
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
