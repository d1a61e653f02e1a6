"""otwatch slice: the evidence of one incident, to hand on."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import click

from otwatch.alerts.alert import Severity
from otwatch.cli.failing import EXIT_UNUSABLE, complain, one_line_errors
from otwatch.cli.options import ANALYSIS_OPTIONS, FILE, MERGE_AND_JOBS, SHARE, add_options

if TYPE_CHECKING:
    from otwatch.alerts.incidents import Incident
    from otwatch.engine.detector import Policy
    from otwatch.outputs.pseudonyms import Pseudonyms
    from otwatch.outputs.result import Result

_MOST_BYTES: Final = 1_000_000_000
_MOST_ALERTS: Final = 100_000


@click.command()
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE...|STORE")
@click.option("--incident", required=True, metavar="ID", help="The incident (INC-9542e071, or the beginning of its id), or an alert of it.")
@click.option("--output", required=True, type=FILE, metavar="FOLDER", help="A folder that is made for it.")
@click.option(
    "--state", type=FILE, metavar="FOLDER", help="With a store: the state of its sensor, which keeps packets; default: the folder of the store."
)
@add_options(SHARE)
@add_options(MERGE_AND_JOBS)
@add_options(ANALYSIS_OPTIONS)
def slice_(
    captures: tuple[str, ...], incident: str, output: str, state: str | None, share: str | None, merge: bool, jobs: int, **options: Any
) -> None:
    """Cut out the evidence of an incident: packets, records, rows, and a manifest with hashes.

    Packets are those of the hosts of the incident, from 30 seconds before it to 30 seconds after it; all of these hosts where the alerts need what
    was before. The slice is analysed once more: the manifest says which of the alerts it raises by itself.

    \b
    Examples:
      otwatch slice capture.pcap --incident INC-9542e071 --output evidence
      otwatch slice /var/lib/otwatch/otwatch.sqlite --incident INC-9542e071 --output evidence
      otwatch slice capture.pcap --incident INC-9542e071 --share plant.key --output for-the-vendor
    """
    with one_line_errors():
        from otwatch.cli.observing import is_store
        from otwatch.cli.sharing import pseudonyms_of, save
        from otwatch.cli.writing import check_new
        from otwatch.errors import CaptureError

        folder = Path(output)
        check_new(output)
        names = pseudonyms_of(share)
        wanted = incident.removeprefix("INC-").lower()
        if len(captures) == 1 and is_store(captures[0]):
            _from_store(Path(captures[0]), wanted, folder, Path(state) if state else Path(captures[0]).parent, names)
            save(names, share)
            return
        from otwatch.cli.running import observed_recordings, policy_from

        policy = policy_from(options)
        found, known = [], []
        for recording in observed_recordings(captures, policy, merge=merge, jobs=jobs):
            result = recording.result
            for message in result.unreadable:
                complain(message)
            known += result.incidents
            found += [
                (result, one) for one in result.incidents if one.id.startswith(wanted) or any(alert.startswith(wanted) for alert in one.alerts)
            ]
        if len(found) != 1:
            listed = ", ".join(f"INC-{one.id[:8]}" for one in ([one for _, one in found] or known)[:8]) or "none"
            raise CaptureError(f"{incident}: {'several incidents begin so' if found else 'no such incident here'}: {listed}")
        if names is not None:
            names.learn(found[0][0], policy.site)
        reproduced = write_slice(*found[0], folder, policy, options, names)
        save(names, share)
        click.echo(f"{output} written" + ("" if reproduced else "; not every alert is raised by the slice alone: see manifest.json"))


def write_slice(
    result: Result, incident: Incident, folder: Path, policy: Policy, options: Mapping[str, Any], names: Pseudonyms | None = None
) -> bool:
    """The folder of one incident of an analysis; whether its packets alone raise all its alerts again. CaptureError and OSError of files.

    With `names`, which have learned from the result, everything in it is replaced.
    """
    if names is None:
        return _write_slice(result, incident, folder, policy, options)
    from otwatch.cli.sharing import share_slice

    with whole_slice(folder) as whole:
        _write_slice(result, incident, whole, policy, options)
        return share_slice(whole, folder, names, options)


@contextmanager
def whole_slice(folder: Path) -> Iterator[Path]:
    """Where the slice is written as it is, beside the one that is shared, and removed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=".otwatch-") as place:
        yield Path(place) / "slice"


def _write_slice(result: Result, incident: Incident, folder: Path, policy: Policy, options: Mapping[str, Any]) -> bool:
    from otwatch.capture.cutting import AROUND_NS, cut_packets, needles_of
    from otwatch.limits import Limits
    from otwatch.outputs.slices import PACKETS, addresses_of, frames_of, name_of, records_of, write_manifest, write_records

    folder.mkdir(parents=True)
    frames = frames_of(incident, result.alerts)
    paths = [capture.path for capture in result.captures]
    addresses = addresses_of(incident)
    wanted = {(alert.rule, alert.src, alert.dst) for alert in result.alerts if alert.id in incident.alerts}
    spans = {"30 seconds around it": (incident.first_ns - AROUND_NS, incident.last_ns + AROUND_NS), "all packets of its hosts": (0, 2**62)}
    missing: set[tuple[str, str, str]] = set()
    for what, (first_ns, last_ns) in spans.items():  # noqa: B007 - the last one is what was written
        cut = cut_packets(
            [(path, {frame: (path, frame) for frame in frames.get(path, ())}) for path in paths],
            folder / PACKETS,
            first_ns=first_ns,
            last_ns=last_ns,
            needles=needles_of(addresses),
            most_bytes=_MOST_BYTES,
            limits=Limits(),
        )
        missing = wanted - alerts_of(folder / PACKETS, policy)
        if not missing:
            break
    write_records(folder, records_of(incident, result.alerts))
    _write_operations(folder)
    said = {
        "incident": name_of(incident.id),
        "id": incident.id,
        "title": incident.title,
        "hosts": sorted(addresses),
        "span": what,
        "packets": cut.packets,
        "complete": cut.complete,
        "frames": [{"file": Path(key[0]).name, "frame": key[1], "slice_frame": number} for key, number in cut.frames if isinstance(key, tuple)],
        "alerts": len(wanted),
        "not_raised_by_the_slice": [{"rule": rule, "src": src, "dst": dst} for rule, src, dst in sorted(missing)],
    }
    inputs = {"captures": paths, "rules": options["rule_paths"], "intel": options["intel"]}
    inputs |= {kind: [options[kind]] for kind in ("site", "baseline") if options[kind]}
    write_manifest(folder, said, inputs)
    return not missing


def alerts_of(path: Path, policy: Policy) -> set[tuple[str, str, str]]:
    """(rule, source, destination) of everything that the slice raises, folded alerts too."""
    from otwatch.engine.analysis import Analysis
    from otwatch.engine.detector import RuleDetector
    from otwatch.limits import Limits

    analysis = Analysis(Limits())
    analysis.detector = RuleDetector(analysis.pipeline, policy, analysis.inventory)
    analysis.site = policy.site
    analysis.run([str(path)])
    result = analysis.finish()
    folded = {(also.rule, alert.src, also.dst) for alert in result.alerts for also in alert.evidence.also}
    return {(alert.rule, alert.src, alert.dst) for alert in result.alerts} | folded


def _write_operations(folder: Path) -> None:
    from otwatch.engine.analysis import Analysis
    from otwatch.engine.exporters import OperationExporter
    from otwatch.limits import Limits
    from otwatch.outputs.headers import HEADERS
    from otwatch.outputs.slices import OPERATIONS, PACKETS
    from otwatch.outputs.tables import TableWriter

    with TableWriter(str(folder / OPERATIONS), HEADERS["operations"]) as writer:
        analysis = Analysis(Limits())
        analysis.listeners.append(OperationExporter(analysis, writer))
        analysis.run([str(folder / PACKETS)])
        analysis.finish()


def _from_store(store: Path, wanted: str, folder: Path, state: Path, names: Pseudonyms | None) -> None:
    """What a sensor set aside for an incident."""
    if names is None:
        lost = _slice_of_store(store, wanted, folder, state)
    else:
        from otwatch.cli.sharing import learn_store, share_slice

        learn_store(names, store)
        with whole_slice(folder) as whole:
            lost = _slice_of_store(store, wanted, whole, state)
            share_slice(whole, folder, names, None)
    click.echo(f"{folder} written")
    if lost:
        complain(f"{lost} of its alerts are no longer in the store")
        sys.exit(EXIT_UNUSABLE)


def _slice_of_store(store: Path, wanted: str, folder: Path, state: Path) -> int:
    """Writes the slice; how many of its alerts the store no longer has."""
    import json
    import shutil

    from otwatch.errors import CaptureError
    from otwatch.outputs.slices import PACKETS, name_of, write_manifest, write_records
    from otwatch.outputs.store import StoreReader

    labels = [level.label for level in Severity]
    records = list(StoreReader(store).incidents(severities=labels, incident=wanted))
    if len(records) != 1:
        raise CaptureError(f"{wanted}: {'several incidents begin so' if records else 'no such incident in ' + str(store)}")
    incident = records[0]
    name = name_of(incident["id"])
    places = [place / "packets" / "incidents" / f"{name}.pcapng" for place in (state, *sorted(state.glob("*-of-*")))]
    kept = next((place for place in places if place.is_file()), None)
    if kept is None:
        kept_in = state / "packets"
        raise CaptureError(f"no packets of {name} in {kept_in}: the sensor keeps them with outputs.keep_packets, half a minute after the last news")
    folder.mkdir(parents=True)
    shutil.copyfile(kept, folder / PACKETS)
    alerts = [record for record in StoreReader(store).alerts(severities=labels, limit=_MOST_ALERTS) if record["id"] in incident["alerts"]]
    write_records(folder, [incident, *alerts])
    _write_operations(folder)
    kept_manifest = json.loads(kept.with_suffix(".json").read_text(encoding="utf-8")) if kept.with_suffix(".json").is_file() else {}
    write_manifest(folder, {**kept_manifest, "incident": name, "id": incident["id"], "title": incident["title"]}, {"captures": [kept]})
    return len(incident["alerts"]) - len(alerts)
