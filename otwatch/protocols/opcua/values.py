"""Values, decoded late and only for rows that are shown or asked for: DataValues and Variants as numbers, strings and lists (5.2.2)."""

from __future__ import annotations

import math
import struct
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from otwatch.limits import Limits
from otwatch.protocols.opcua import spec

_TEXT_CHARACTERS: Final = Limits().text_characters
_SHOWN: Final = 64  # elements of an array
_DEEPEST: Final = 16
_EPOCH: Final = datetime(1601, 1, 1, tzinfo=UTC)
_PLAIN: Final[Mapping[int, str]] = {1: "<?", 2: "<b", 3: "<B", 4: "<h", 5: "<H", 6: "<i", 7: "<I", 8: "<q", 9: "<Q", 10: "<f", 11: "<d", 19: "<I"}


class _Short(Exception):
    """The bytes end, or do not fit."""


def value(kind: int, octets: bytes, row: Mapping[str, int]) -> Any:
    """The value of a row of operations; None without one."""
    del row
    if not octets or kind == 0:
        return None
    cursor = _Cursor(octets)
    try:
        if kind == spec.VALUE_DATA:
            return cursor.data_value(0)
        if kind == spec.VALUE_VARIANTS:
            return cursor.array(lambda: cursor.variant(0))
        if kind == spec.VALUE_TEXT:
            return octets.decode("utf-8", "replace")[:_TEXT_CHARACTERS]
        if kind == spec.VALUE_SUBSCRIPTION:
            names = ("publishing_interval_ms", "lifetime_count", "max_keep_alive_count", "max_notifications", "enabled", "priority")
            return dict(zip(names, struct.unpack("<dIIIBB", octets[:22]), strict=True)) if len(octets) >= 22 else None
        return cursor.array(cursor.reference)
    except (_Short, RecursionError):
        return octets[:_TEXT_CHARACTERS].hex()


class _Cursor:
    """Where in the bytes of a value."""

    def __init__(self, octets: bytes) -> None:
        self.octets, self.at = octets, 0

    def take(self, size: int) -> bytes:
        if size < 0 or self.at + size > len(self.octets):
            raise _Short
        self.at += size
        return self.octets[self.at - size : self.at]

    def number(self, form: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def string(self) -> bytes | None:
        size = self.number("<i")
        return None if size == -1 else self.take(size)

    def text(self) -> str | None:
        found = self.string()
        return None if found is None else found.decode("utf-8", "replace")[:_TEXT_CHARACTERS]

    def array(self, one: Callable[[], Any]) -> list[Any]:
        """All elements are read, the first of them shown."""
        many = self.number("<i")
        if many > len(self.octets):
            raise _Short
        found = []
        for index in range(many):
            element = one()
            if index < _SHOWN:
                found.append(element)
        return found

    def data_value(self, depth: int) -> Any:
        """The value alone, or with its quality where that is not good."""
        mask = self.number("<B")
        found = self.variant(depth + 1) if mask & 1 else None
        quality = self.number("<I") if mask & 2 else 0
        self.take((8 if mask & 4 else 0) + (2 if mask & 0x10 else 0) + (8 if mask & 8 else 0) + (2 if mask & 0x20 else 0))
        if quality >> 30 == 0 or (quality >> 31 and found is None):
            return found
        return {"value": found, "status": spec.status_name(quality >> 16) if quality >> 31 else f"uncertain:{quality >> 16:04x}"}

    def variant(self, depth: int) -> Any:
        if depth > _DEEPEST:
            raise _Short
        mask = self.number("<B")
        kind = mask & 0x3F
        if kind == 0:
            return None
        found = self.array(lambda: self.element(kind, depth)) if mask & 0x80 else self.element(kind, depth)
        if mask & 0x40:
            self.array(lambda: self.number("<i"))
        return found

    def element(self, kind: int, depth: int) -> Any:
        """A value of a built-in type (5.1.2)."""
        if kind in _PLAIN:
            found = self.number(_PLAIN[kind])
            if kind == 19:
                return spec.status_name(found >> 16) if found >> 31 else "ok" if found >> 30 == 0 else f"uncertain:{found >> 16:04x}"
            return _float(found, 7 if kind == 10 else 15) if isinstance(found, float) else found
        if kind in (12, 16):
            return self.text()
        if kind == 13:
            return moment(self.number("<q"))
        if kind == 14:
            return str(UUID(bytes_le=self.take(16)))
        if kind in (17, 18):
            return self.node()
        if kind == 20:
            namespace, name = self.number("<H"), self.text()
            return f"{namespace}:{name}" if namespace else name
        if kind == 21:
            return self.localized()
        if kind == 22:
            return self.extension()
        if kind == 23:
            return self.data_value(depth + 1)
        if kind == 24:
            return self.variant(depth + 1)
        if kind == 25:
            raise _Short
        found = self.string()
        return None if found is None else found[:_TEXT_CHARACTERS].hex()

    def localized(self) -> str | None:
        mask = self.number("<B")
        if mask & 1:
            self.string()
        return self.text() if mask & 2 else None

    def node(self) -> str:
        """A NodeId or ExpandedNodeId as people write it."""
        encoding = self.number("<B")
        kind = encoding & 0x3F
        if kind > 5:
            raise _Short
        namespace = 0 if kind == 0 else self.number("<B" if kind == 1 else "<H")
        if kind < 3:
            name = f"i={self.number(('<B', '<H', '<I')[kind])}"
        elif kind == 3:
            name = f"s={self.text() or ''}"
        elif kind == 4:
            name = f"g={UUID(bytes_le=self.take(16))}"
        else:
            name = f"b={b64encode((self.string() or b'')[:_TEXT_CHARACTERS]).decode()}"
        if encoding & 0x80:
            self.string()
        if encoding & 0x40:
            self.take(4)
        return f"ns={namespace};{name}" if namespace else name

    def extension(self) -> Any:
        """Structures that say what a server is, as fields; others as their type and bytes."""
        kind, body = self.node(), None
        if self.number("<B"):
            body = self.string()
        if kind == "i=340" and body:
            return _Cursor(body).build_info()
        if kind == "i=864" and body:
            inner = _Cursor(body)
            started, now, state = moment(inner.number("<q")), moment(inner.number("<q")), inner.number("<I")
            return {"started": started, "now": now, "state": state, "build_info": inner.build_info()}
        return {"type": kind, "body": (body or b"")[:_TEXT_CHARACTERS].hex()}

    def build_info(self) -> dict[str, Any]:
        return {kind: self.text() for kind in spec.BUILD_FIELDS}

    def reference(self) -> str:
        """A ReferenceDescription: the target and its name."""
        self.node()
        self.take(1)
        target = self.node()
        self.take(2)
        name = self.text()
        self.localized()
        self.take(4)
        self.node()
        return f"{target} {name or ''}".strip()


def moment(ticks: int) -> str | None:
    """A DateTime, 100 ns since 1601 (5.2.2.5), as text; None for none."""
    try:
        return (_EPOCH + timedelta(microseconds=ticks // 10)).isoformat(timespec="milliseconds").replace("+00:00", "Z") if ticks > 0 else None
    except OverflowError:
        return None


def _float(number: float, digits: int) -> float | str:
    """JSON has no NaN and no infinity."""
    return float(f"{number:.{digits}g}") if math.isfinite(number) else str(number)
