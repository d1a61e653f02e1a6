"""The view of a plant as one HTML file. Everything is escaped; the browser may run and show only what stands in the file itself."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from otwatch.errors import CaptureError
from otwatch.outputs.escape import one_line
from otwatch.outputs.map.layout import SLOT_HEIGHT, SLOT_WIDTH
from otwatch.outputs.map.shapes import LEGEND, SHAPES, fitted, shape
from otwatch.outputs.map.strokes import CARD_ICON, ICON
from otwatch.outputs.story import base_name
from otwatch.outputs.view.inventory import short_title
from otwatch.outputs.view.plant import ConversationRow, MapLine, PlantView

_FOLDER: Final = Path(__file__).parent
ROWS: Final = 500  # conversations in the page; the others are data
SHEETS: Final = 500  # assets with a sheet of their own
_LABEL: Final = 80  # characters of a host in a table
_WORDS: Final = 300  # characters of a line of the map
_CHARACTERS: Final = 1_000  # of one text: who names a device with a novel does not get a page for it
_TITLE_WIDTH: Final = 175  # tenths of a letter
_SUBTITLE_WIDTH: Final = 200


def html_text(plant: PlantView) -> str:
    """The whole file."""
    style, script = (_FOLDER / "report.css").read_text("utf-8"), (_FOLDER / "report.js").read_text("utf-8")
    return (
        _environment()
        .get_template("report.html")
        .render(
            plant=plant,
            view=plant.view,
            style=Markup(style),  # noqa: S704 - our own files, hashed in the policy
            script=Markup(script),  # noqa: S704
            policy=policy(style, script),
            data=_data(plant),
            shapes=SHAPES,
            legend=LEGEND,
            icon=ICON,
            card_icon=CARD_ICON,
            rows=ROWS,
            sheets=SHEETS,
        )
    )


def write_html(plant: PlantView, path: Path) -> None:
    """Written beside and renamed, readable by its owner only: a report is a list of what an attacker wants to know."""
    text = html_text(plant)
    try:
        handle, name = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as out:
                out.write(text)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise CaptureError(f"{path}: cannot be written: {error.strerror}") from error


def policy(style: str, script: str) -> str:
    """The content security policy: this script and this style, and nothing else, from anywhere."""
    return (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finished,
    )
    environment.filters.update(
        number=lambda count: f"{count:,}",
        title_line=_title_line,
        subtitle_line=_subtitle_line,
        shape=shape,
        listed=listed,
        cut=cut,
        base=base_name,
        zone_line=_zone_line,
        tenths=lambda n: f"{n / 10:g}",
    )
    return environment


def _finished(value: Any) -> Any:
    """What a template prints: control and bidirectional characters made visible, then escaped."""
    return one_line(cut(value, _CHARACTERS)) if isinstance(value, str) and not isinstance(value, Markup) else value


def _title_line(text: str) -> str:
    return fitted(one_line(text), _TITLE_WIDTH)


def _zone_line(text: str, pixels: int, large: bool) -> str:
    return fitted(one_line(text), (pixels - 16) * 10 // (14 if large else 8))


def _subtitle_line(text: str) -> str:
    return fitted(one_line(text), _SUBTITLE_WIDTH)


def cut(text: str, most: int) -> str:
    """The beginning of a long text."""
    return text if len(text) <= most else text[: most - 1] + "…"


def listed(items: Sequence[Any], most: int = 12, between: str = ", ") -> str:
    """`a, b, c and 5 more`."""
    return between.join(map(str, items[:most])) + (f" and {len(items) - most:,} more" if len(items) > most else "")


def _data(plant: PlantView) -> Markup:
    """What the script reads: JSON in ASCII in which no tag can begin or end."""
    protocols = _numbered(name for line in (*plant.map.lines, *plant.map.pairs) for name in line.protocols)
    actions = _numbered(name for line in (*plant.map.lines, *plant.map.pairs) for name in line.actions)
    document = {
        "protocols": [one_line(cut(name, 60)) for name in protocols],
        "actions": list(actions),
        "lines": [_line(line, protocols, actions) for line in plant.map.lines],
        "pairs": [_line(line, protocols, actions) for line in plant.map.pairs],
        "cards": {
            symbol.key: [symbol.size, [[one.number, one.x, one.y] for one in symbol.members]] for symbol in plant.map.symbols if symbol.members
        },
        "nodes": [
            [
                _title_line(one.label),
                _subtitle_line(one.address if one.label != one.address else one.model or one.order_number or short_title(one.role)),
                shape(one.role),
                one.severity.label if one.severity is not None else "",
            ]
            for one in (plant.assets if plant.map.folded else ())
        ],
        "shapes": SHAPES if plant.map.folded else {},
        "slot": [SLOT_WIDTH, SLOT_HEIGHT],
        "conversations": [_conversation(row) for row in plant.conversations[ROWS:]],
        "first": _seconds(min((line.first_ns for line in plant.map.lines), default=0)),
        "last": _seconds(max((line.last_ns for line in plant.map.lines), default=0)),
    }
    text = json.dumps(document, ensure_ascii=True, separators=(",", ":"))
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))  # noqa: S704


def _numbered(names: Iterable[str]) -> dict[str, int]:
    return {name: place for place, name in enumerate(sorted(set(names)))}


def _seconds(timestamp_ns: int) -> float:
    return round(timestamp_ns / 1e9, 3)


def _line(line: MapLine, protocols: Mapping[str, int], actions: Mapping[str, int]) -> list[Any]:
    return [
        line.source,
        line.target,
        line.kind,
        line.width,
        [protocols[name] for name in line.protocols],
        [actions[name] for name in line.actions],
        list(line.incidents),
        int(line.crosses),
        _seconds(line.first_ns),
        _seconds(line.last_ns),
        one_line(cut(line.words, _WORDS)),
    ]


def _conversation(row: ConversationRow) -> list[Any]:
    return [
        *(one_line(cut(text, _LABEL)) for text in (row.client_text, row.server_text, row.service)),
        row.kind,
        f"{row.packets:,}",
        one_line(row.what),
        "; ".join(word for word, held in (("one way", row.one_way), ("crosses zones", row.crosses)) if held),
        row.first,
        row.last,
    ]
