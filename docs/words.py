"""Phrases that read like a translation, in what people read: rules, pages, and texts in the program. `make lint` runs it.

    python docs/words.py
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
# phrase: the field's own words for it
PHRASES: Final = {
    r"\b(?:is|are|was|were|be|being|been) told\b": "detected, reported, said",
    r"\btells? (?:it|them|this|that) apart\b": "distinguishes",
    r"\bwhat was asked for\b": "requests",
    r"\banswers? that nobody asked for\b": "unsolicited response",
    r"(?<![-\w])strangers?\b": "unknown host",
    r"\bclean bill\b": "clean result",
    r"\busual master\b": "SCADA master",
    r"\b(?:whom it hit|who asks for)\b": "target, source",
    r"\bwhat (?:it|he|they|she) says? of (?:itself|himself|themselves)\b": "self-reported identity",
    r"\btried one after the other\b": "scan",
    r"\bthe other side of the dialogue\b": "the peer",
    r"\bgo(?:es)? on with the one it had\b": "keeps the previous configuration",
    r"\bthe same is (?:told|said) by\b": "also reported by",
    r"\bnot looked for\b": "not judged",
    r"\bin any case\b": "",
    r"\bwithout further ado\b": "",
    r"\banew\b": "again",
    r"\bhence\b": "therefore",
    r"\bthereupon\b": "then",
    r"\bastray\b": "lost",
    r"\bpassed over\b": "skipped",
    r"\bgiven up\b": "abandoned, stopped",
    r"\bspeaks? (?:an? |the )?(?:OT|other|decoded|industrial|protocol)": "uses",
}
_PATTERNS: Final = [(re.compile(phrase, re.IGNORECASE), better) for phrase, better in PHRASES.items()]


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Line number and text of what people read in a file: all of a page or a rule, the strings of a module that are no docstrings."""
    content = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield from enumerate(content.splitlines(), 1)
        return
    tree = ast.parse(content)
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value and id(node) not in documentation:
            yield node.lineno, node.value


def found() -> list[str]:
    """Each place, with what would be better."""
    paths = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "rules").rglob("*.yaml"), *(ROOT / "otwatch").rglob("*.py")]
    places = []
    for path in sorted(paths):
        for number, text in texts(path):
            for pattern, better in _PATTERNS:
                match = pattern.search(text)
                if match:
                    instead = f"write {better}" if better else "leave it out"
                    places.append(f"{path.relative_to(ROOT)}:{number}: {match[0]!r}: {instead}")
    return places


if __name__ == "__main__":
    places = found()
    print("\n".join(places), end="\n" if places else "")
    sys.exit(f"{len(places)} phrases that read like a translation" if places else 0)
