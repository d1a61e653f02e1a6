"""--share: the key and its names, and the slice of an incident in which everything is replaced."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar

import yaml

from otwatch.cli.failing import complain

if TYPE_CHECKING:
    from otwatch.engine.detector import Policy
    from otwatch.outputs.pseudonyms import Pseudonyms

_RECORDS = 1_000_000


def pseudonyms_of(share: str | None) -> Pseudonyms | None:
    """The names of a key file, or of a new key; None without --share."""
    if share is None:
        return None
    from otwatch.cli.writing import check_output
    from otwatch.outputs.pseudonyms import load_pseudonyms

    check_output(share)
    return load_pseudonyms(share)


def save(names: Pseudonyms | None, share: str | None) -> None:
    """Writes the key with what stands for what, and says so."""
    if names is None or share is None:
        return
    from otwatch.outputs.pseudonyms import save_pseudonyms

    save_pseudonyms(names, share)
    complain(f"{share} says what stands for what: keep it, and do not share it")


def learn_store(names: Pseudonyms, store: Path) -> None:
    """Notes the names and ids of a store."""
    from otwatch.alerts.severity import Severity
    from otwatch.outputs.store import StoreReader
    from otwatch.outputs.view.stored import asset_of

    reader, labels = StoreReader(store), [level.label for level in Severity]
    names.learn_assets([asset_of(record) for record in reader.assets()])
    for records in (reader.incidents(severities=labels, limit=_RECORDS), reader.alerts(severities=labels, limit=_RECORDS)):
        names.learn_ids(record["id"] for record in records)


def share_slice(whole: Path, folder: Path, names: Pseudonyms, options: Mapping[str, Any] | None) -> bool:
    """Writes `folder` from the slice `whole`; whether it still raises all alerts of the incident (unknown without `options` of an analysis: True)."""
    from otwatch.outputs.shared_packets import readable, share_lines, share_packets
    from otwatch.outputs.slices import MANIFEST, OPERATIONS, PACKETS, RECORDS, write_manifest

    folder.mkdir(parents=True)
    share_lines(whole / RECORDS, folder / RECORDS, names)
    share_lines(whole / OPERATIONS, folder / OPERATIONS, names, file=PACKETS)
    with (whole / OPERATIONS).open(encoding="utf-8") as lines:
        shown = readable(map(json.loads, lines))
    shared = share_packets(whole / PACKETS, folder / PACKETS, names, shown)
    said = names.of(json.loads((whole / MANIFEST).read_text(encoding="utf-8")))
    inputs = said.pop("inputs", {})
    said |= {
        "shared": "addresses, MACs, names and ids are replaced; payload that may hold more than numbers is cut off",
        "packets": shared.packets,
        "payloads_cut": shared.cut,
        "packets_left_out": shared.left_out,
        "captures": [{"sha256": one.get("sha256"), "bytes": one.get("bytes")} for one in inputs.get("captures", ())],
    }
    missing: set[tuple[str, str, str]] = set()
    if options is not None:
        from otwatch.cli.slice import alerts_of

        with (folder / RECORDS).open(encoding="utf-8") as lines:
            wanted = {(one["rule"], one["src"], one["dst"]) for one in map(json.loads, lines) if one["type"] == "alert"}
        missing = wanted - alerts_of(folder / PACKETS, _shared_policy(names, options))
        said["not_raised_by_the_slice"] = [{"rule": rule, "src": src, "dst": dst} for rule, src, dst in sorted(missing)]
    write_manifest(folder, said, {})
    return not missing


def _shared_policy(names: Pseudonyms, options: Mapping[str, Any]) -> Policy:
    """The policy of the analysis with everything replaced in the site file and the baseline."""
    from otwatch.engine.detector import policy_of

    with TemporaryDirectory() as place:
        replaced: dict[str, str | None] = {}
        for kind in ("site", "baseline"):
            replaced[kind] = str(Path(place) / kind) if options[kind] else None
            if replaced[kind]:
                given = Path(options[kind]).read_text(encoding="utf-8")
                if kind == "site":
                    document = names.of(yaml.load(given, yaml.BaseLoader))  # noqa: S506 - every scalar stays the text that it is
                    Path(place, kind).write_text(yaml.dump(document, Dumper=_Plain, allow_unicode=True), encoding="utf-8")
                else:
                    Path(place, kind).write_text(json.dumps(names.of(json.loads(given))), encoding="utf-8")
        return policy_of(rules=options["rule_paths"], learn_until=options["learn_until"], intel=options["intel"], **replaced)


class _Plain(yaml.SafeDumper):
    """Writes a text as it was read, without quotes that would make a text of a number."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}  # type: ignore[misc]  # PyYAML names it as if it were of one object
