"""Assets as the CSV files that NetBox imports, in the order in which it wants them: what a file refers to stands in one before it.

Columns are those of the bulk import forms of NetBox 4; choices (`active`, `other`) are its slugs. What is not known is not made up: a device without
a model is of the type `Unknown` of its maker, addresses have the mask of a single host.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from otwatch.errors import CaptureError
from otwatch.inventory.asset import Asset
from otwatch.inventory.roles import role_title
from otwatch.outputs.escape import cell, one_line

# File -> columns, in import order.
COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "01-sites.csv": ("name", "slug", "status"),
    "02-tags.csv": ("name", "slug", "color"),
    "03-manufacturers.csv": ("name", "slug"),
    "04-device-roles.csv": ("name", "slug", "color"),
    "05-device-types.csv": ("manufacturer", "model", "slug", "part_number"),
    "06-devices.csv": ("name", "role", "manufacturer", "device_type", "serial", "status", "site", "description", "comments", "tags"),
    "07-interfaces.csv": ("device", "name", "type"),
    "08-mac-addresses.csv": ("mac_address", "device", "interface"),
    "09-ip-addresses.csv": ("address", "status", "device", "interface", "description"),
}
_UNKNOWN: Final = "Unknown"
_NAME, _SERIAL, _TEXT, _SLUG, _PART = 64, 50, 200, 100, 50  # characters that NetBox takes
_TAGS: Final = {"otwatch": "9e9e9e", "unidentified": "ff9800", "conflict": "f44336", "behind-router": "2196f3"}
_COLOR: Final = "607d8b"
Rows = list[dict[str, str]]


def netbox_tables(assets: Iterable[Asset], site: str = "Plant") -> dict[str, Rows]:
    """File name -> rows."""
    tables: dict[str, Rows] = {name: [] for name in COLUMNS}
    tables["01-sites.csv"].append({"name": _cut(site, 100), "slug": slug(site), "status": "active"})
    tables["02-tags.csv"] += [{"name": name, "slug": name, "color": color} for name, color in _TAGS.items()]
    makers: dict[str, str] = {}
    roles: dict[str, None] = {}
    types: dict[tuple[str, str], str] = {}
    names: set[str] = set()
    for asset in assets:
        maker = makers.setdefault(slug(asset.vendor or _UNKNOWN), _cut(asset.vendor or _UNKNOWN, 100).rstrip(" ,"))
        model = _cut(asset.said("model") or asset.said("order_number") or _UNKNOWN, 100)
        types.setdefault((maker, model), asset.said("order_number"))
        roles.setdefault(asset.role)
        name = _unique(_cut(asset.label, _NAME), names)
        tables["06-devices.csv"].append(_device(asset, name, maker, model, site))
        cards = asset.macs or [""]
        for number, mac in enumerate(cards):
            port = f"port{number + 1}"
            tables["07-interfaces.csv"].append({"device": name, "name": port, "type": "other"})
            if mac:
                tables["08-mac-addresses.csv"].append({"mac_address": mac, "device": name, "interface": port})
        tables["09-ip-addresses.csv"] += [
            {
                "address": f"{address}/{128 if ':' in address else 32}",
                "status": "active",
                "device": name,
                "interface": "port1",
                "description": _cut(f"zone {asset.zone}" if asset.zone else "", _TEXT),
            }
            for address in asset.addresses
        ]
    tables["03-manufacturers.csv"] = [{"name": name, "slug": short} for short, name in makers.items()]
    tables["04-device-roles.csv"] = [{"name": role_title(role), "slug": slug(role), "color": _COLOR} for role in roles]
    used: set[str] = set()
    tables["05-device-types.csv"] = [
        {"manufacturer": maker, "model": model, "slug": _unique(slug(f"{maker} {model}"), used), "part_number": _cut(part, _PART)}
        for (maker, model), part in types.items()
    ]
    return tables


def _device(asset: Asset, name: str, maker: str, model: str, site: str) -> dict[str, str]:
    tags = ["otwatch"]
    tags += ["unidentified"] if asset.unidentified_reason else []
    tags += ["conflict"] if asset.conflicts else []
    tags += ["behind-router"] if asset.behind else []
    level = "unknown" if asset.level is None else f"{asset.level:g}"
    said = [f"{kind.replace('_', ' ')} {fact.value} ({fact.source}, frame {fact.frame})" for kind, fact in asset.identity.items()]
    said += [f"{kind} conflicts: {' or '.join(values)}" for kind, values in asset.conflicts.items()]
    said += [f"vendor by {'MAC address (OUI)' if asset.vendor_source == 'oui' else asset.vendor_source}"] if asset.vendor_source else []
    return {
        "name": name,
        "role": role_title(asset.role),
        "manufacturer": maker,
        "device_type": model,
        "serial": _cut(asset.said("serial"), _SERIAL),
        "status": "active",
        "site": _cut(site, 100),
        "description": _cut(f"Purdue level {level}; {', '.join(asset.protocols)}", _TEXT),
        "comments": one_line("; ".join(said)),
        "tags": ",".join(tags),
    }


def slug(text: str) -> str:
    """As NetBox wants slugs: `[a-z0-9-]`; never empty."""
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")[:_SLUG].strip("-") or "unknown"


def _cut(text: str, most: int) -> str:
    return one_line(text)[:most].strip()


def _unique(name: str, used: set[str]) -> str:
    """The name, or the name with a number: two plants may have the same private address."""
    found, number = name, 2
    while found in used:
        found = f"{name[: _NAME - 5]}-{number}"
        number += 1
    used.add(found)
    return found


def write_netbox(folder: Path, assets: Iterable[Asset], site: str = "Plant") -> int:
    """Writes the files into a folder, which is made; how many devices there are. CaptureError when it cannot be written."""
    tables = netbox_tables(assets, site)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, rows in tables.items():
            with (folder / name).open("w", encoding="utf-8", newline="") as out:
                writer = csv.writer(out, lineterminator="\n")
                writer.writerow(COLUMNS[name])
                writer.writerows([cell(row[column]) for column in COLUMNS[name]] for row in rows)
    except OSError as error:
        raise CaptureError(f"{folder}: cannot be written: {error.strerror}") from error
    return len(tables["06-devices.csv"])
