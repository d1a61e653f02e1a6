"""Advisories as the tests need them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def advisory(
    name: str = "TEST-26-001",
    *,
    vendor: str = "Siemens",
    product: str = "SIMATIC S7-300 CPU 315-2 PN/DP (6ES7315-2EH14-0AB0)",
    ranges: tuple[str, ...] = ("vers:all/<V3.2.17",),
    numbers: tuple[str, ...] = ("6ES7315-2EH14-0AB0",),
    status: str = "known_affected",
    cve: str = "CVE-2026-0001",
    version: str = "1",
    released: str = "2026-01-02T00:00:00Z",
    products: tuple[tuple[str, str], ...] = (),
) -> dict[str, Any]:
    """`products`: (name, range) in place of one product with several ranges."""
    pairs = products or tuple((product, text) for text in ranges)
    branches = []
    for number, (title, text) in enumerate(pairs):
        leaf: dict[str, Any] = {"name": title, "product_id": f"P{number}"}
        if numbers:
            leaf["product_identification_helper"] = {"model_numbers": list(numbers)}
        below = [{"category": "product_version_range", "name": text, "product": leaf}]
        branches.append({"category": "product_name", "name": title, "branches": below})
    return {
        "document": {
            "csaf_version": "2.0",
            "title": "An advisory",
            "publisher": {"name": "A maker"},
            "references": [{"category": "self", "url": "https://example.org/a.json"}, {"category": "self", "url": "https://example.org/a"}],
            "tracking": {"id": name, "version": version, "status": "final", "current_release_date": released},
        },
        "product_tree": {"branches": [{"category": "vendor", "name": vendor, "branches": branches}]},
        "vulnerabilities": [
            {
                "cve": cve,
                "product_status": {status: [f"P{number}" for number in range(len(pairs))]},
                "scores": [{"cvss_v3": {"baseScore": 7.5}, "products": ["P0"]}],
                "remediations": [{"category": "vendor_fix", "details": "Update", "product_ids": ["P0"]}],
            }
        ],
    }


def library(folder: Path, *documents: dict[str, Any]) -> Path:
    for number, document in enumerate(documents):
        (folder / f"{number}.json").write_text(json.dumps(document))
    return folder
