"""Makes oui.tsv.gz from the registries that the IEEE publishes (oui.csv, mam.csv, oui36.csv; Debian: package ieee-data).

python -m otwatch.inventory.oui_table /usr/share/ieee-data/{oui,mam,oui36}.csv --output otwatch/inventory/oui.tsv.gz
"""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import click


@click.command()
@click.argument("registries", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The table to write.")
def main(registries: tuple[Path, ...], output: Path) -> None:
    """Writes one sorted line per assignment: hex digits, tab, organisation."""
    makers: dict[str, str] = {}
    for registry in registries:
        with registry.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                name = " ".join(row["Organization Name"].split())
                if name and name.lower() != "private":
                    makers[row["Assignment"].upper()] = name
    text = "\n" + "".join(f"{digits}\t{name}\n" for digits, name in sorted(makers.items()))
    output.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))
    click.echo(f"{len(makers)} assignments, {output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
