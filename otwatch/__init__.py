"""otwatch: a passive network security monitor for operational technology. It never sends a packet.

The way through the house: capture -> decode -> streams -> protocols -> inventory, baseline -> rules -> alerts -> outputs.
"""

from __future__ import annotations

import importlib.machinery
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

__version__ = "0.1.0"


class _SourceOnly:
    """Finds the package's modules as .py files, never as compiled ones: reading, debugging, coverage, the comparison of both in the tests."""

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if not name.startswith("otwatch.") or path is None:
            return None
        for folder in path:
            finder = importlib.machinery.FileFinder(folder, (importlib.machinery.SourceFileLoader, [".py"]))
            spec = finder.find_spec(name, target)
            if spec is not None:
                return spec
        return None


if os.environ.get("OTWATCH_UNCOMPILED"):
    sys.meta_path.insert(0, _SourceOnly())


def is_compiled() -> bool:
    """Whether the byte loops run compiled (True) or as plain Python (False: slow, same results)."""
    from otwatch import tables  # noqa: PLC0415 - after the choice above

    return not (tables.__file__ or "").endswith(".py")
