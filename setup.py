"""The compiled modules: plain Python files of the package, compiled by Cython where a C compiler is found.

`pyproject.toml` holds everything else. Every extension is optional: without a compiler the package installs all the same
and the same files run uncompiled. A module asks to be compiled by its first line, `# cython: ...`.
The rules lie in `rules/` at the top, where people look for them; a wheel carries a copy, `otwatch/shipped_rules`.
"""

import os
import shutil
from pathlib import Path

from Cython.Build import cythonize
from Cython.Compiler import Options
from setuptools import Extension, setup
from setuptools.command.build_py import build_py

Options.buffer_max_dims = 2  # a view is passed by value, with room for this many dimensions: ours have one, and 8 would triple its size
SHARED = "otwatch._views"  # what every compiled module needs for its memory views, compiled once


class BuildWithRules(build_py):
    """Copies the rules into the package that is built; an editable install reads them where they are."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            copy = Path(self.build_lib, "otwatch", "shipped_rules")
            shutil.rmtree(copy, ignore_errors=True)  # an earlier build may have left rules that are gone
            shutil.copytree("rules", copy, ignore=shutil.ignore_patterns("*.pcap", "__pycache__"))


def compiled_modules() -> list[Extension]:
    """Every module of the package whose first line holds compiler directives."""
    found = []
    for path in sorted(Path("otwatch").rglob("*.py")):
        with path.open(encoding="utf-8") as lines:
            if lines.readline().startswith("# cython:"):
                name = ".".join(path.with_suffix("").parts)
                found.append(Extension(name, [str(path)], extra_compile_args=["-O2", "-g0"], optional=True))
    return found


def translated(modules: list[Extension]) -> list[Extension]:
    """The modules as C, on every core, without those that cannot be translated: they then run uncompiled, and the tests say so."""
    extensions = cythonize(
        modules,
        nthreads=os.cpu_count() or 1,
        exclude_failures=True,
        build_dir=f"build/translated/{Options.buffer_max_dims}",  # modules of different layouts must not meet
        language_level=3,
        quiet=True,
        cache=bool(os.environ.get("CYTHON_CACHE_DIR")),  # checkouts side by side share what was translated
        # A view that was never set has no rows: the bounds check alone refuses it. Nothing here is ever pickled.
        compiler_directives={"initializedcheck": False, "binding": False, "emit_code_comments": False, "auto_pickle": False},
        shared_utility_qualified_name=SHARED,
    )
    for extension in extensions:
        extension.optional = True  # cythonize makes new ones and forgets it
    return extensions


setup(
    cmdclass={"build_py": BuildWithRules},
    ext_modules=translated([Extension(SHARED, [], extra_compile_args=["-O2", "-g0"], optional=True), *compiled_modules()]),
    options={"build_ext": {"parallel": os.cpu_count()}},
)
