"""Advisories in CSAF 2.0 (OASIS), as makers and coordinators publish them: a folder of JSON files, read offline."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from otwatch.errors import CaptureError

_MOST_BYTES: Final = 32_000_000  # of a file; the largest of CISA's have 3 MB
_DEEPEST: Final = 32  # branches of a product tree
_Named = tuple[str, str, str, tuple[str, ...]]  # vendor, name, version, order numbers
_STATUS: Final = {
    "known_affected": "affected",
    "last_affected": "affected",
    "first_affected": "affected",
    "fixed": "fixed",
    "first_fixed": "fixed",
    "known_not_affected": "not affected",
    "under_investigation": "under investigation",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One product of an advisory, in one range of versions. `version` is the text as it was written."""

    vendor: str
    name: str
    version: str
    order_numbers: tuple[str, ...]
    status: dict[str, str]  # CVE -> affected, fixed, not affected, under investigation


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisory:
    """One document."""

    id: str
    version: str
    title: str
    publisher: str
    released: str  # ISO date
    url: str
    products: tuple[Product, ...]
    scores: dict[str, float]  # CVE -> base score
    remedies: tuple[str, ...]  # categories: vendor_fix, mitigation, workaround, none_available ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """What a folder held. `refused`: files that are no CSAF, with the reason."""

    advisories: tuple[Advisory, ...]
    read: int
    refused: tuple[str, ...]

    @property
    def newest(self) -> str:
        """Release date of the newest advisory."""
        return max((one.released for one in self.advisories), default="")


def read_library(folder: str) -> Library:
    """Every *.json below a folder. The newest version of an advisory counts. CaptureError when there is none."""
    place = Path(folder)
    paths = sorted(place.rglob("*.json")) if place.is_dir() else [place] if place.is_file() else []
    if not paths:
        raise CaptureError(f"{folder}: no advisories there: name a folder of CSAF files (*.json)")
    newest: dict[str, Advisory] = {}
    refused: list[str] = []
    for path in paths:
        try:
            found = read_advisory(path)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            refused.append(f"{path.name}: {str(error) or type(error).__name__}")
            continue
        known = newest.get(found.id)
        if known is None or (found.released, found.version) > (known.released, known.version):
            newest[found.id] = found
    if not newest:
        raise CaptureError(f"{folder}: none of {len(paths)} files is a CSAF advisory: {refused[0]}")
    return Library(advisories=tuple(newest.values()), read=len(paths) - len(refused), refused=tuple(refused))


def read_advisory(path: Path) -> Advisory:
    """One file. ValueError and the like when it is none."""
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError(f"larger than {_MOST_BYTES} bytes")
    content = json.loads(path.read_text(encoding="utf-8-sig"))
    document = content["document"]
    if not str(document.get("csaf_version", "")).startswith("2"):
        raise ValueError("not CSAF 2")
    tracking = document["tracking"]
    vulnerabilities = [one for one in content.get("vulnerabilities", ()) if isinstance(one, dict)]
    scores: dict[str, float] = {}
    for number, one in enumerate(vulnerabilities):
        for score in one.get("scores", ()):
            base = (score.get("cvss_v3") or score.get("cvss_v4") or score.get("cvss_v2") or {}).get("baseScore")
            if isinstance(base, int | float):
                scores[_cve(one, number)] = max(float(base), scores.get(_cve(one, number), 0.0))
    references = [one for one in document.get("references", ()) if one.get("category") == "self"]
    page = next((one["url"] for one in references if not str(one["url"]).endswith(".json")), references[0]["url"] if references else "")
    return Advisory(
        id=str(tracking["id"]),
        version=str(tracking.get("version", "")),
        title=str(document["title"]),
        publisher=str(document["publisher"]["name"]),
        released=str(tracking["current_release_date"])[:10],
        url=str(page),
        products=tuple(_products(content.get("product_tree", {}), _statuses(vulnerabilities))),
        scores=scores,
        remedies=tuple(dict.fromkeys(str(fix.get("category", "")) for one in vulnerabilities for fix in one.get("remediations", ()))),
    )


def _cve(vulnerability: Mapping[str, Any], number: int) -> str:
    return str(vulnerability.get("cve") or vulnerability.get("title") or f"vulnerability {number + 1}")


def _statuses(vulnerabilities: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """Product id -> CVE -> status."""
    found: dict[str, dict[str, str]] = {}
    for number, one in enumerate(vulnerabilities):
        for name, products in one.get("product_status", {}).items():
            for product in products if name in _STATUS else ():
                found.setdefault(str(product), {}).setdefault(_cve(one, number), _STATUS[name])
    return found


def _products(tree: Mapping[str, Any], statuses: Mapping[str, dict[str, str]]) -> Iterator[Product]:
    named: dict[str, _Named] = {}
    for branch in tree.get("branches", ()):
        named.update(_leaves(branch, "", "", "", 0))
    for one in tree.get("full_product_names", ()):
        named.setdefault(str(one["product_id"]), ("", str(one["name"]), "", _order_numbers(one)))
    for relation in tree.get("relationships", ()):  # firmware on hardware: the hardware is what was seen, the firmware has the version
        made = relation["full_product_name"]
        part, whole = named.get(str(relation.get("product_reference"))), named.get(str(relation.get("relates_to_product_reference")))
        if part and whole:
            named[str(made["product_id"])] = (whole[0] or part[0], f"{whole[1]} {part[1]}", part[2], (*whole[3], *part[3], *_order_numbers(made)))
    for product, status in statuses.items():
        if product in named:
            vendor, name, version, numbers = named[product]
            yield Product(vendor=vendor, name=name, version=version, order_numbers=numbers, status=status)


def _leaves(branch: Mapping[str, Any], vendor: str, name: str, version: str, depth: int) -> Iterator[tuple[str, _Named]]:
    category, text = branch.get("category"), str(branch.get("name", ""))
    if category == "vendor":
        vendor = text
    elif category in ("product_version", "product_version_range"):
        version = text
    elif category in ("product_name", "product_family", "service_pack", "patch_level"):
        name = f"{name} {text}".strip()
    product = branch.get("product")
    if isinstance(product, dict):
        full = str(product.get("name", ""))
        yield str(product["product_id"]), (vendor, f"{name} {full}" if full not in name else name, version, _order_numbers(product))
    for below in branch.get("branches", ()) if depth < _DEEPEST else ():
        yield from _leaves(below, vendor, name, version, depth + 1)


def _order_numbers(product: Mapping[str, Any]) -> tuple[str, ...]:
    helper = product.get("product_identification_helper") or {}
    return tuple(str(number) for key in ("model_numbers", "skus") for number in helper.get(key, ()))
