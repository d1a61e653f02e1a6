"""What a day of a lake weighs: the tables of a recording of some minutes, as often as they fit into a day, merged as `otwatch lake tidy` does.

    python tests/benchmarks/lake_sizes.py LAKE [--seconds 84]

Times are moved on, counts and ports vary; each table is one file with one codec, as in a merged day.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as arrow
import pyarrow.compute as compute
import pyarrow.parquet as parquet

from otwatch.lake.layout import Lake
from otwatch.lake.schema import TABLES

_SECOND_NS = 1_000_000_000


def main() -> None:
    """Prints rows and bytes of each table for a day."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("lake", type=Path)
    options.add_argument("--seconds", type=float, default=84, help="what the recording lasted")
    given = options.parse_args()
    rng = np.random.default_rng(1)
    [place] = Lake(given.lake).places()
    segments = [segment for day in place.days() for segment in place.segments(day)]
    with tempfile.TemporaryDirectory() as folder:
        for name, table in TABLES.items():
            parts = [parquet.read_table(path, partitioning=None) for segment in segments for path in segment.files(name)]
            if not parts:
                continue
            rows = arrow.concat_tables(parts)
            every = 300 if name == "behaviours" else 3600 if name in ("facts", "assets") else given.seconds
            path = Path(folder) / f"{name}.parquet"
            times, copies = [field.name for field in table.fields if field.kind == "time"], int(86_400 / every)
            with parquet.ParquetWriter(path, rows.schema, compression="zstd") as writer:
                waiting: list[arrow.Table] = []
                for copy in range(copies):
                    moved = rows
                    for column in times:
                        shifted = compute.add(rows[column].cast("int64"), int(copy * every * _SECOND_NS) + int(rng.integers(1_000_000)))
                        moved = moved.set_column(moved.schema.get_field_index(column), column, shifted.cast(rows.schema.field(column).type))
                    for column in ("messages", "client_port", "bytes_to_client", "latency_ns"):
                        if column in rows.schema.names:
                            varied = compute.add(rows[column], arrow.array(rng.integers(0, 50, rows.num_rows)))
                            moved = moved.set_column(moved.schema.get_field_index(column), column, varied)
                    waiting.append(moved)
                    if len(waiting) * rows.num_rows >= 262_144 or copy == copies - 1:
                        writer.write_table(arrow.concat_tables(waiting).unify_dictionaries())
                        waiting = []
            size, count = path.stat().st_size, rows.num_rows * copies
            print(f"{name}: {count:,} rows a day, {size:,} bytes, {size / count:.1f} bytes a row")


if __name__ == "__main__":
    main()
