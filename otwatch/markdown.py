"""Markdown for the reference pages that are made from the code: tables and how their cells are written."""

from __future__ import annotations


def cell(text: str) -> str:
    """Text that stays in its cell: no line break, no bar."""
    return text.replace("|", "\\|").replace("\n", " ")


def table(*rows: tuple[str, ...]) -> str:
    """A table; the first row is its head."""
    lines = [" | ".join(cell(text) for text in row) for row in rows]
    return "\n".join(f"| {line} |" for line in [lines[0], " | ".join("---" for _ in rows[0]), *lines[1:]]) + "\n"


def code(text: object) -> str:
    """In code type; an empty text stays empty."""
    return f"`{text}`" if str(text) else ""


def bullets(*points: tuple[str, str]) -> str:
    """A list: what in front, and the reason behind it."""
    return "\n".join(f"- **{what}**: {why}" for what, why in points) + "\n"
