"""JSON lines to Parquet with duckdb, no digit of a number lost: where duckdb's own guess of a type would lose some, the column is JSON text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from otwatch.errors import CaptureError

_EXACT_IN_DOUBLE: Final = 2**53
_SIGNED: Final = range(-(2**63), 2**63)
_UNSIGNED: Final = range(2**64)


def duckdb_module() -> Any:
    """duckdb; CaptureError that says how to install it."""
    try:
        import duckdb  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise CaptureError("Parquet needs duckdb: pip install duckdb") from error
    return duckdb


@dataclass(slots=True)
class _Numbers:
    """The numbers of one column, those within lists and mappings, too."""

    low: int = 0
    high: int = 0
    fractions: bool = False
    nested: bool = False  # some of them inside a list or mapping
    others: bool = False  # some values are no numbers at all

    def note(self, value: Any, *, nested: bool = False) -> None:
        if isinstance(value, bool | str):
            self.others = True
        elif isinstance(value, int):
            self.low, self.high = min(self.low, value), max(self.high, value)
            self.nested |= nested
        elif isinstance(value, float):
            self.fractions = True
            self.nested |= nested
        elif isinstance(value, dict):
            for item in value.values():
                self.note(item, nested=True)
        elif isinstance(value, list | tuple):
            for item in value:
                self.note(item, nested=True)

    def type(self) -> str:
        """The type that holds them all; empty where duckdb's guess does."""
        if self.fractions and max(self.high, -self.low) > _EXACT_IN_DOUBLE:
            return "JSON"
        if self.low in _SIGNED and self.high in _SIGNED:
            return ""
        whole = not (self.fractions or self.nested or self.others)
        return "UBIGINT" if whole and self.low in _UNSIGNED and self.high in _UNSIGNED else "JSON"


class Columns:
    """What was seen in the columns of a table."""

    def __init__(self) -> None:
        self._numbers: dict[str, _Numbers] = {}

    def note(self, record: dict[str, Any]) -> None:
        """Takes one record into account."""
        for name, value in record.items():
            if value is not None:
                numbers = self._numbers.get(name)
                if numbers is None:
                    numbers = self._numbers[name] = _Numbers()
                numbers.note(value)

    @property
    def empty(self) -> bool:
        """Whether there was no record."""
        return not self._numbers

    def types(self) -> dict[str, str]:
        """Columns whose type duckdb must not guess."""
        return {name: kind for name, numbers in self._numbers.items() if (kind := numbers.type())}


def to_parquet(lines: Path, output: str, columns: Columns, header: Sequence[str] = ()) -> None:
    """Writes the records of `lines`; without one, the columns of `header`. CaptureError when the output cannot be written."""
    duckdb = duckdb_module()
    with duckdb.connect() as database:
        names = ", ".join(f'NULL::VARCHAR AS "{name}"' for name in header or ("type",))
        source = f"(SELECT {names} WHERE false)"
        if not columns.empty:
            guessed = f"read_json_auto({_quoted(str(lines))}, format='newline_delimited', sample_size=-1)"
            source = guessed
            known = columns.types()
            if known:
                types = database.execute(f"DESCRIBE SELECT * FROM {guessed}").fetchall()  # noqa: S608 - literals are quoted
                chosen = ", ".join(f"{_quoted(name)}: {_quoted(known.get(name, kind))}" for name, kind, *_ in types)
                source = f"read_json({_quoted(str(lines))}, format='newline_delimited', columns={{{chosen}}})"
        try:
            database.execute(f"COPY (SELECT * FROM {source}) TO {_quoted(output)} (FORMAT parquet)")  # noqa: S608 - literals are quoted
        except duckdb.IOException as error:
            raise CaptureError(f"{output}: cannot be written: {error}") from error


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
