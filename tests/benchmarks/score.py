"""How good the verdicts are: recall of labelled attacks and false alerts, as a table.

    python tests/benchmarks/score.py [--sets NAME,...] [--misses] [--collection DIR]

The lab's own captures are always scored. The collection of labelled captures (MANIFEST.tsv and *.truth beside the captures) is read from
--collection or OTWATCH_CAPTURES; without it those sets are skipped. An episode is a labelled attack, from its first to its last operation. It is
found when an alert of medium severity or above overlaps it, and found *freshly* when such an alert, or a burst of one, began in it: an alert that
began in an earlier attack detects nothing new. Nothing is tuned to these captures: they are only counted.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import re
import statistics
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from otwatch.cli import main
from otwatch.markdown import table

PLANT = Path(__file__).resolve().parents[2] / "pcaps" / "plant"
SEVERITIES = ("info", "low", "medium", "high", "critical")
QUIET_S = 60.0  # operations further apart are two episodes
LONGEST_S = 31 * 86_400.0  # of longer ones the clock is not to be believed
SPLICED_S = 86_400.0  # alerts further apart are of two recordings
SLACK_S = 5.0  # clocks of labels and captures differ, and a window must fill
DANGEROUS = {"STOP", "START", "RESTART", "PROGRAM_DOWNLOAD", "PROGRAM_DELETE", "FIRMWARE", "FORCE", "TIME_SET"}  # reported whoever gives them


@dataclass(frozen=True, slots=True)
class Episode:
    """One labelled attack. `kind` is act, read or other; times are seconds of the epoch, infinite where the whole capture is labelled."""

    name: str
    begin: float
    end: float
    kind: str = "other"


@dataclass(slots=True)
class Capture:
    """A capture with its episodes; none: benign."""

    path: Path
    episodes: list[Episode]


@dataclass(slots=True)
class Score:
    """What became of one set."""

    captures: int = 0
    seconds: float = 0.0
    episodes: int = 0
    decoded: int = 0  # episodes of captures of whose protocols otwatch decodes one
    found: int = 0
    fresh: int = 0
    false_high: int = 0
    alerts: int = 0
    incidents: int = 0
    medium: list[int] = field(default_factory=list)  # of each benign capture; of one put together from several, of the noisiest
    misses: list[str] = field(default_factory=list)
    false: list[str] = field(default_factory=list)
    noise: list[str] = field(default_factory=list)  # alerts of medium and above on benign captures

    def row(self, name: str) -> tuple[str, ...]:
        """As a line of the table."""
        hours = self.seconds / 3600
        rate = f"{self.false_high / hours:.2f}" if hours else "-"
        per = max(self.episodes, 1)
        share, of_decoded = (f"{self.fresh / of:.3f}" if of else "-" for of in (self.episodes, self.decoded))
        noise = f"{statistics.median(self.medium):g} / {max(self.medium)}" if self.medium else "-"
        each = (f"{self.alerts / per:.1f}", f"{self.incidents / per:.1f}") if self.episodes else ("-", "-")
        benign = f"{self.alerts / hours:.1f} / {self.incidents / hours:.1f}" if hours and not self.episodes else "-"
        return (
            name,
            str(self.captures),
            f"{hours:.2f}",
            str(self.episodes),
            str(self.found),
            str(self.fresh),
            share,
            of_decoded,
            str(self.false_high),
            rate,
            *each,
            benign,
            noise,
        )


HEAD = (
    "set",
    "captures",
    "hours",
    "episodes",
    "found",
    "fresh",
    "recall",
    "of what is decoded",
    "false >= high",
    "per hour",
    "alerts/episode",
    "incidents/episode",
    "alerts / incidents per benign hour",
    "benign >= medium: median / worst",
)


def records_of(capture: Path) -> list[dict[str, Any]]:
    """What `otwatch analyze` says, without site file and baseline."""
    result = CliRunner().invoke(main, ["analyze", str(capture), "--format", "jsonl"], catch_exceptions=True)
    return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]


def seconds(text: str) -> float:
    """ISO 8601, with nanoseconds, to seconds of the epoch."""
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text).replace("Z", "+00:00")).timestamp()


def starts_of(alert: dict[str, Any]) -> list[float]:
    """When the alert, and each of its bursts, began."""
    return [seconds(burst["first_seen"]) for burst in alert.get("bursts") or [alert]]


def judge(capture: Capture, score: Score) -> None:
    """Adds one capture."""
    records = records_of(capture.path)
    summary = next((record for record in records if record["type"] == "summary"), {})
    alerts = [record for record in records if record["type"] == "alert"]
    grave = [alert for alert in alerts if SEVERITIES.index(alert["severity"]) >= 2]
    incidents = [record for record in records if record["type"] == "incident" and SEVERITIES.index(record["severity"]) >= 2]
    score.captures += 1
    if summary.get("first") and summary.get("last"):
        lasted = max(0.0, seconds(summary["last"]) - seconds(summary["first"]))
        score.seconds += lasted if lasted < LONGEST_S else 0.0
    score.alerts += len(grave)
    score.incidents += len(incidents) if any(record["type"] == "incident" for record in records) else len(grave)
    for episode in capture.episodes:
        begin, end = episode.begin - SLACK_S, episode.end + SLACK_S
        over = [alert for alert in grave if seconds(alert["first_seen"]) <= end and seconds(alert["last_seen"]) >= begin]
        fresh = [alert for alert in over if any(begin <= start <= end for start in starts_of(alert))]
        decoded = bool(summary.get("protocols")) or bool(over)
        score.episodes += 1
        score.decoded += decoded
        score.found += bool(over)
        score.fresh += bool(fresh)
        if not fresh:
            why = ": only in an older alert" if over else "" if decoded else ": not decoded"
            score.misses.append(f"{capture.path.name}: {episode.name} ({episode.kind}){why}")
    for alert in grave:
        if alert["severity"] in ("high", "critical") and not (not capture.episodes and alert.get("action") in DANGEROUS):
            starts = starts_of(alert)
            if not any(e.begin - SLACK_S <= start <= e.end + SLACK_S for e in capture.episodes for start in starts):
                score.false_high += 1
                score.false.append(f"{capture.path.name}: {alert['severity']} {alert['rule']} {alert['src']} > {alert['dst']} x{alert['count']}")
    if not capture.episodes:
        score.medium.append(noisiest(sorted(seconds(alert["first_seen"]) for alert in grave)))
        by_rule = Counter(f"{alert['severity']} {alert['rule']}" for alert in grave)
        score.noise.extend(f"{capture.path.name}: {count} x {rule}" for rule, count in by_rule.most_common())


def noisiest(times: list[float]) -> int:
    """The most alerts without a day between: some captures are put together from several of other plants and years."""
    most = count = 0
    for place, time in enumerate(times):
        count = 1 if not place or time - times[place - 1] > SPLICED_S else count + 1
        most = max(most, count)
    return most


def grouped(times: list[tuple[float, float, str, str]]) -> list[Episode]:
    """Operations (begin, end, name, kind) as episodes: a quiet minute, or another kind of operation, begins the next."""
    episodes: list[Episode] = []
    for begin, end, name, kind in sorted(times):
        if episodes and begin - episodes[-1].end < QUIET_S and episodes[-1].kind == kind:
            last = episodes[-1]
            episodes[-1] = Episode(last.name, last.begin, max(last.end, end), kind)
        else:
            episodes.append(Episode(name, begin, end, kind))
    return episodes


def lab(acts: str) -> Iterator[Capture]:
    """The lab's own attacks, as acts (something changes) or reads; and its benign captures."""
    for path in sorted(PLANT.glob("*.pcap")):
        operations = [json.loads(line) for line in path.with_suffix(".operations.jsonl").read_text().splitlines()]
        kinds = [
            (float(one["ts"]), float(one.get("ts_end", one["ts"])), str(one["op"]), "read" if _reads(one) else "act")
            for one in operations
            if one["expected"] == "attack" and one["op"] not in _SESSION
        ]
        if acts == "benign":
            if all(one["expected"] == "benign" for one in operations):
                yield Capture(path, [])
        elif any(kind == acts for *_, kind in kinds):
            yield Capture(path, [episode for episode in grouped(kinds) if episode.kind == acts])


_SESSION = {"connect", "close"}  # what every client does, an attacker too: part of the attack that follows, none by itself


def _reads(operation: dict[str, Any]) -> bool:
    acts = r"raw|writ|operate|select|stop|start|restart|download|delete|clear|set|disable|enable|listen|copy|reset|init|password|trip|close"
    return not re.search(acts, str(operation["op"]))


def manifest(collection: Path) -> list[dict[str, str]]:
    """The rows of MANIFEST.tsv."""
    with (collection / "MANIFEST.tsv").open(newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def timed_log(collection: Path) -> Iterator[Capture]:
    """Captures beside a log of attacks: `TIME NAME ... START` and END, local time ten hours ahead of UTC."""
    for log in sorted(collection.glob("derived-slices/*.truth/Attack_script_log.log")):
        begun: dict[str, float] = {}
        episodes = []
        for line in log.read_text().splitlines():
            day, hour, *words, mark = line.split()
            at = (datetime.fromisoformat(f"{day}T{hour}").replace(tzinfo=UTC) - timedelta(hours=10)).timestamp()
            name = " ".join(words)
            if mark == "START":
                begun[name] = at
            elif name in begun:
                episodes.append(Episode(name, begun.pop(name), at))
        path = log.parent.with_suffix("")
        first, last = span(path)
        yield Capture(path, [episode for episode in episodes if episode.end >= first and episode.begin <= last])


def span(path: Path) -> tuple[float, float]:
    """First and last time of a capture."""
    summary = next(record for record in records_of(path) if record["type"] == "summary")
    return seconds(summary["first"]), seconds(summary["last"])


def labelled(collection: Path, wanted: str) -> Iterator[Capture]:
    """Captures that the manifest calls so as a whole; one whose own list of labelled packets is empty does not hold the attack."""
    for row in manifest(collection):
        path = collection / row["path"]
        if re.match(wanted, row["what"]) and path.exists():
            labels = list(collection.glob(f"{row['path']}.truth/**/{path.stem}.csv"))
            shown = not labels or any(label.stat().st_size for label in labels)
            yield Capture(path, [Episode(row["what"], float("-inf"), float("inf"))] if shown else [])


def packet_labels(collection: Path) -> Iterator[Capture]:
    """Captures with a label for each packet, in the lines `number;label`."""
    for labels in sorted(collection.glob("**/*.truth/**/*_labeled.csv")):
        path = next(parent for parent in labels.parents if parent.name.endswith(".truth")).with_suffix("")
        bad = [int(line.split(";")[0]) for line in labels.read_text().splitlines() if line.endswith(";1")]
        times = frame_times(path)
        yield Capture(path, grouped([(times[number - 1], times[number - 1], "labelled packets", "other") for number in bad if number <= len(times)]))


def frame_times(path: Path) -> list[float]:
    """The time of every record of a classic pcap."""
    data = path.read_bytes()
    order = "little" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else "big"
    unit = 1e-9 if data[:4] in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d") else 1e-6
    times, stream = [], io.BytesIO(data[24:])
    while len(head := stream.read(16)) == 16:
        times.append(int.from_bytes(head[:4], order) + int.from_bytes(head[4:8], order) * unit)  # type: ignore[arg-type]
        stream.seek(int.from_bytes(head[8:12], order), 1)  # type: ignore[arg-type]
    return times


def ground_truth(collection: Path) -> Iterator[Capture]:
    """Recordings of real stacks with the truth of every operation: what others than the HMI did is labelled."""
    for truth in sorted(collection.glob("real-stacks/*.gt.jsonl")):
        path = truth.with_name(truth.name.replace(".gt.jsonl", ".pcap"))
        operations = [json.loads(line) for line in truth.read_text().splitlines()]
        yield Capture(path, grouped([(float(one["ts"]), float(one["ts"]), str(one["op"]), "other") for one in operations if one.get("src") != "hmi"]))


def benign(collection: Path) -> Iterator[Capture]:
    """What the manifest calls benign, of protocols of plants."""
    for row in manifest(collection):
        path = collection / row["path"]
        if row["ics"] and path.exists() and (row["what"] == "benign polling/reads" or "control_training" in row["path"]):
            yield Capture(path, [])


def sets(collection: Path | None) -> dict[str, Iterator[Capture]]:
    """Every set by name."""
    found = {"lab-acts": lab("act"), "lab-reads": lab("read"), "lab-benign": lab("benign")}
    if collection is not None:
        found |= {
            "timed-log": timed_log(collection),
            "packet-labels": packet_labels(collection),
            "process-writes": labelled(collection, r"attack: S7 unauthorised"),
            "notable": labelled(collection, r"notable: (?!malformed)"),
            "exploits-scans": labelled(collection, r"attack: (IT exploit|scan|covert)"),
            "real-stacks": ground_truth(collection),
            "benign": benign(collection),
        }
    return found


def run() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", default="", help="only these, separated by commas")
    parser.add_argument("--misses", action="store_true", help="name what was missed and what was false")
    parser.add_argument("--collection", default=os.environ.get("OTWATCH_CAPTURES", ""), help="folder with MANIFEST.tsv")
    options = parser.parse_args()
    collection = Path(options.collection) if options.collection and (Path(options.collection) / "MANIFEST.tsv").exists() else None
    if collection is None:
        print("No collection of labelled captures (OTWATCH_CAPTURES): only the lab's captures are scored.", file=sys.stderr)
    rows, total = [], Score()
    for name, captures in sets(collection).items():
        if options.sets and name not in options.sets.split(","):
            continue
        score = Score()
        for capture in captures:
            judge(capture, score)
        rows.append(score.row(name))
        total.episodes, total.decoded, total.fresh = total.episodes + score.episodes, total.decoded + score.decoded, total.fresh + score.fresh
        print(f"{name}: {score.fresh} of {score.episodes} freshly found, {score.false_high} false", file=sys.stderr)
        if options.misses:
            for word, lines in (("missed", score.misses), ("false", score.false), ("benign", score.noise)):
                for line in lines:
                    print(f"  {word} {line}", file=sys.stderr)
    print(table(HEAD, *rows))
    if total.decoded:
        share = total.fresh / total.decoded
        print(f"\n{total.fresh} of {total.episodes} episodes freshly found, {share:.3f} of the {total.decoded} that are decoded")
    return 0


if __name__ == "__main__":
    sys.exit(run())
