"""Writes the column declarations of tables.pxd (for the compiler) and tables.pyi (for the type checker) from schemas.py.

    python docs/reference/declare_tables.py [--check]
"""

from __future__ import annotations

import sys
from pathlib import Path

from otwatch.schemas import SCHEMAS, Schema

PACKAGE = Path(__file__).parents[2] / "otwatch"
_C_TYPES = {"int32": "int", "int64": "long long", "uint8": "unsigned char"}
_PXD_HEAD = """\
# The C side of tables.py: column types for the compiled modules. Written by docs/reference/declare_tables.py from schemas.py.
from otwatch.copying cimport copy, piece

cdef class Octets:
    cdef public unsigned char[::1] data
    cdef public Py_ssize_t used
    cpdef Py_ssize_t reserve(self, Py_ssize_t length) except -1
    cpdef Py_ssize_t append(self, const unsigned char[::1] source, Py_ssize_t start, Py_ssize_t end) except -1

cdef class Table:
    cdef public object schema
    cdef public Py_ssize_t rows
    cdef public Py_ssize_t capacity
    cdef public dict columns
    cpdef Py_ssize_t new_row(self) except -1
    cpdef grow(self, Py_ssize_t capacity)
"""
_PYI_HEAD = """\
# The types of tables.py. Written by docs/reference/declare_tables.py from schemas.py.
from typing import Any

import numpy as np

from otwatch.schemas import Schema

Bytes = memoryview[int] | bytes | bytearray

class Octets:
    data: memoryview[int]
    used: int
    def __init__(self, capacity: int = ...) -> None: ...
    def reserve(self, length: int) -> int: ...
    def append(self, source: Bytes, start: int, end: int) -> int: ...
    def clear(self) -> None: ...
    def tobytes(self, start: int, end: int) -> bytes: ...

class Table:
    schema: Schema
    rows: int
    capacity: int
    columns: dict[str, np.ndarray[Any, Any]]
    def __init__(self, schema: Schema, capacity: int = ...) -> None: ...
    def grow(self, capacity: int) -> Any: ...
    def new_row(self) -> int: ...
    def clear(self) -> None: ...
    def array(self, name: str) -> np.ndarray[Any, Any]: ...
    def row(self, index: int) -> dict[str, int]: ...
"""
# Members beside the columns: class -> (C declarations, Python declarations).
_MEMBERS: dict[str, tuple[list[str], list[str]]] = {
    "Packets": (["cdef public const unsigned char[::1] data", "cdef public Octets side", "cdef public object file"],
                ["data: memoryview[int]", "side: Octets", "file: Any"]),
    "Pdus": (["cdef public Octets octets", "cdef public object packets"], ["octets: Octets", "packets: Packets | None"]),
    "Operations": (["cdef long long[::1] spare_64", "cdef int[::1] spare_32", "cdef unsigned char[::1] spare_8"], []),
}
_METHODS: dict[str, tuple[str, str]] = {
    "Operations": ("cpdef Py_ssize_t add(self, Pdus pdus, Py_ssize_t pdu, int role, int protocol, int function, int action) except -1",
                   "def add(self, pdus: Pdus, pdu: int, role: int, protocol: int, function: int, action: int) -> int: ...\n"
                   "    def reorder(self, order: np.ndarray[Any, Any]) -> None: ..."),
    "Anomalies": ("cpdef Py_ssize_t add(self, Pdus pdus, Py_ssize_t pdu, int layer, int kind, int offset, long long needed, long long had) except -1",
                  "def add(self, pdus: Pdus, pdu: int, layer: int, kind: int, offset: int, needed: int, had: int) -> int: ..."),
}


def class_name(schema: Schema) -> str:
    """`flow_events` -> FlowEvents."""
    return "".join(word.capitalize() for word in schema.name.split("_"))


def pxd() -> str:
    """The text of tables.pxd."""
    parts = [_PXD_HEAD]
    for schema in SCHEMAS:
        name = class_name(schema)
        lines = [f"cdef class {name}(Table):", *(f"    {line}" for line in _MEMBERS.get(name, ([], []))[0])]
        lines += [f"    cdef public {_C_TYPES[column.dtype]}[::1] {column.name}" for column in schema.columns]
        lines += [f"    {_METHODS[name][0]}"] if name in _METHODS else []
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def pyi() -> str:
    """The text of tables.pyi."""
    parts = [_PYI_HEAD]
    for schema in SCHEMAS:
        name = class_name(schema)
        lines = [f"class {name}(Table):", *(f"    {line}" for line in _MEMBERS.get(name, ([], []))[1])]
        lines += [f"    {column.name}: memoryview[int]" for column in schema.columns]
        lines.append("    def __init__(self, octets: Octets, capacity: int = ...) -> None: ..." if name == "Pdus"
                     else "    def __init__(self, capacity: int = ...) -> None: ...")
        lines += [f"    {_METHODS[name][1]}"] if name in _METHODS else []
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def main() -> None:
    """Writes both files, or with --check exits with 1 when they are stale."""
    for path, text in ((PACKAGE / "tables.pxd", pxd()), (PACKAGE / "tables.pyi", pyi())):
        if "--check" in sys.argv:
            if path.read_text(encoding="utf-8") != text:
                raise SystemExit(f"{path.name} is stale: run python docs/reference/declare_tables.py")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
