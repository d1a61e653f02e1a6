"""The compiled modules: plain Python files of the package, compiled by Cython where a C compiler is found.

`pyproject.toml` holds everything else. Every extension is optional: without a compiler the package installs all the same
and the same files run uncompiled. A module asks to be compiled by its first line, `# cython: ...`.
"""

import os
from pathlib import Path

from Cython.Build import cythonize
from Cython.Compiler.Errors import CompileError
from setuptools import Extension, setup


def compiled_modules() -> list[Extension]:
    """Every module of the package whose first line holds compiler directives."""
    found = []
    for path in sorted(Path("otwatch").rglob("*.py")):
        with path.open(encoding="utf-8") as lines:
            if lines.readline().startswith("# cython:"):
                name = ".".join(path.with_suffix("").parts)
                found.append(Extension(name, [str(path)], extra_compile_args=["-O2", "-g0"], optional=True))
    return found


def translated(module: Extension) -> list[Extension]:
    """The module as C, or nothing where it cannot be translated: it then runs uncompiled, and the tests say so."""
    try:
        return cythonize([module], build_dir="build", language_level=3, quiet=True)
    except CompileError:
        return []


setup(
    ext_modules=[extension for module in compiled_modules() for extension in translated(module)],
    options={"build_ext": {"parallel": os.cpu_count()}},
)
