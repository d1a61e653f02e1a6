"""Messages in several segments (135, 5.2): kept by conversation and invoke id until the last one has come. Rare, so plain Python."""

from __future__ import annotations

Key = tuple[int, int, int, int, int]  # flow, direction, request or ack, invoke id, device

_OPEN = 256  # messages under way at once; the oldest makes room


class Segments:
    """Every message under way; at most `most_bytes` of one."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.parts: dict[Key, dict[int, bytes]] = {}
        self.lasts: dict[Key, int] = {}
        self.dropped = 0

    def add(self, key: Key, sequence: int, octets: bytes, last: bool) -> tuple[bool, bytes | None]:
        """(whether segments of an earlier message were lost, the whole message when this segment makes it whole).

        Sequence numbers count modulo 256 from 0; a longer message is cut off at the cap.
        """
        lost = False
        parts = self.parts.get(key)
        if parts is not None and sequence == 0 and parts.get(0, octets) != octets:  # the next message with this invoke id
            lost = True
            self._drop(key)
            parts = None
        if parts is None:
            if len(self.parts) >= _OPEN:
                self._drop(next(iter(self.parts)))
                lost = True
            parts = self.parts[key] = {}
        if sum(map(len, parts.values())) + len(octets) > self.most_bytes:
            self._drop(key)
            return True, None
        parts.setdefault(sequence, octets)
        if last:
            self.lasts[key] = sequence
        end = self.lasts.get(key)
        if end is None or len(parts) <= end:
            return lost, None
        whole = b"".join(parts[number] for number in range(end + 1) if number in parts)
        complete = all(number in parts for number in range(end + 1))
        self._drop(key, counted=not complete)
        return lost or not complete, whole if complete else None

    def _drop(self, key: Key, *, counted: bool = True) -> None:
        self.parts.pop(key, None)
        self.lasts.pop(key, None)
        self.dropped += counted

    def forget(self, flow: int) -> None:
        """The flow is over."""
        if self.parts:
            for key in [key for key in self.parts if key[0] == flow]:
                self._drop(key)
