"""docs/reference/lake.md, made of the tables of the lake."""

from __future__ import annotations

from protocol_pages import NOTE

from otwatch.lake.schema import TABLES
from otwatch.markdown import table

_HEAD = """Written by `otwatch analyze --lake FOLDER`, asked with `otwatch lake` ([how-to](../howto/lake.md));
every program that reads Parquet can read it.

```
FOLDER/site=SITE/sensor=SENSOR/manifest.jsonl                          one line a day, chained by SHA-256
FOLDER/site=SITE/sensor=SENSOR/day=2026-11-22/SEGMENT/segment.json     what the segment is of
FOLDER/site=SITE/sensor=SENSOR/day=2026-11-22/SEGMENT/TABLE.0001.parquet
FOLDER/.scratch/                                                       what is being written; nobody else's
```

- A **segment** is what one recording (`r-...`) or a merged day (`d-...`) has of one day, in UTC. Its folder is made aside and appears by being
  renamed, after everything in it is on the disk: there are no half files. Nothing in it changes afterwards.
- The name of a recording is made of its packets, bytes and times: reading it again adds nothing, also when the first reading was killed
  half-way.
- `otwatch lake tidy` merges the segments of a day into one, whose `segment.json` names those that it `replaces`. Whoever reads the files without
  otwatch leaves out segments that another one of the day replaces; they are deleted right after, so that this matters only after a crash.
- Characters of site and sensor that are no letters, digits, `_`, `.`, `-` or `~` are written as `%XX`.

## The manifest

Every line is a JSON object with `kind`, `written` (when) and `previous`: the SHA-256 of the line before, without its line feed (of the first
line: 64 zeros).

| kind | says |
| --- | --- |
| `day` | `day`, `segments` and `files` (`path`, `bytes`, `sha256`): all that there is of a day; a later line of the day replaces it |
| `gap` | `day` and `hours` (UTC) in which nobody listened, or `from_day` and `until_day` |
| `deleted` | `day`, `reason`, and `tables` where only these were deleted |

`otwatch lake verify` finds files and lines that were changed, removed or added. Whoever can write the lake can also write the whole chain again,
or cut off its end: that is only noticed with a **head** (the hash of the last line, which `verify` prints) that was kept where they cannot
write, by `verify --head`.
"""


def page() -> str:
    """The page."""
    parts = ["# The lake\n", NOTE, _HEAD]
    for one in TABLES.values():
        rows = ((f"`{field.name}`", field.kind, field.doc) for field in one.fields)
        about = f"{one.doc[0].upper()}{one.doc[1:]}. The day of a row is that of `{one.time}`.\n"
        parts += [f"## {one.name}\n", about, table(("column", "kind", "meaning"), *rows)]
    parts.append(
        "`time` columns are nanoseconds in UTC (DuckDB shows microseconds), `name` and `text` are text (names as dictionaries), `number` has 64 "
        "bits, `json` is JSON text.\n"
    )
    return "\n".join(parts)
