"""Readers of the bodies, written from their specifications and not from the code that writes them: what a SIEM makes of a message."""

from __future__ import annotations

import re


def read_cef(text: str) -> tuple[list[str], dict[str, str]]:
    """(seven header fields, extension): the header splits at pipes without a backslash, a key is what stands before an `=` without one."""
    parts = _split_header(text)
    header = [part.replace("\\|", "|").replace("\\\\", "\\") for part in parts[:7]]
    extension = parts[7]
    keys = list(re.finditer(r"(?:^|(?<= ))(\w+)=", extension))
    fields: dict[str, str] = {}
    for i, key in enumerate(keys):
        end = keys[i + 1].start() - 1 if i + 1 < len(keys) else len(extension)
        assert key[1] not in fields, f"{key[1]} stands twice"
        fields[key[1]] = _unescaped(extension[key.end():end])
    return header, fields


def _split_header(text: str) -> list[str]:
    """Eight parts, the last one the rest."""
    parts, part, at = [], "", 0
    while len(parts) < 7:
        if text[at] == "|":
            parts.append(part)
            part = ""
        elif text[at] == "\\":
            part += text[at:at + 2]
            at += 1
        else:
            part += text[at]
        at += 1
    return [*parts, text[at:]]


def _unescaped(value: str) -> str:
    assert not re.search(r"(?<!\\)(?:\\\\)*=", value), f"an = that is not escaped: {value!r}"
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "r": "\r"}.get(found[1], found[1]), value)


def read_leef(text: str) -> tuple[list[str], dict[str, str]]:
    """(header with its delimiter field, attributes)."""
    *header, attributes = text.split("|", 6)
    delimiter = chr(int(header[5].lower().removeprefix("0").removeprefix("x"), 16))
    fields: dict[str, str] = {}
    for attribute in attributes.split(delimiter):
        key, _, value = attribute.partition("=")
        assert key not in fields, f"{key} stands twice"
        fields[key] = value
    return header, fields
