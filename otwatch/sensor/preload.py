"""Loads whatever the sensor can ever need while it may still read it: its own modules may lie in a home that the later user cannot enter."""

from __future__ import annotations

import traceback
from contextlib import suppress
from importlib import import_module
from pkgutil import walk_packages
from typing import Final

import otwatch
from otwatch.inventory.oui import vendor_of

_NOT_NEEDED: Final = ("otwatch.cli", "otwatch.lake", "otwatch.sensor.keeping")  # what only other commands use, or the sensor with a lake loads itself
_LATE: Final = ("encodings.idna", "stringprep", "unicodedata", "sqlite3.dbapi2", "linecache", "traceback", "zoneinfo", "_strptime", "bisect",
                "numpy.ma")  # numpy.unique asks for it when it is first called


def load_everything() -> None:
    """Every module of otwatch but those of other commands, and what Python itself loads late."""
    for module in walk_packages(otwatch.__path__, "otwatch."):
        if not module.name.startswith(_NOT_NEEDED) and not module.name.endswith(".reference"):
            with suppress(ImportError):  # extras that are not installed
                import_module(module.name)
    for name in _LATE:
        import_module(name)
    "sensor".encode("idna")
    vendor_of(1)
    traceback.format_exception(ValueError())
