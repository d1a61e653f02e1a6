"""The view on a terminal: verdict, incidents, notes, what could not be seen, what could not be judged."""

from __future__ import annotations

import os
import textwrap
from typing import IO, Final

from rich.console import Console
from rich.markup import escape
from rich.text import Text as Styled

from otwatch.alerts.severity import Severity
from otwatch.outputs.escape import one_line
from otwatch.outputs.story import between, clock, plural
from otwatch.outputs.view.model import IncidentView, Level, NotJudged, StepRow, Text, Tone, View

COLOURS = {Severity.CRITICAL: "bold white on red", Severity.HIGH: "bold red", Severity.MEDIUM: "yellow", Severity.LOW: "cyan", Severity.INFO: "dim"}
_LEVELS = {
    Level.CANNOT_JUDGE: "bold yellow",
    Level.ACT_NOW: "bold red",
    Level.LOOK_TODAY: "bold yellow",
    Level.NOTES_ONLY: "bold",
    Level.CLEAN: "bold green",
}
_TONES = {Tone.PLAIN: "", Tone.GOOD: "green", Tone.WARN: "yellow", Tone.DANGER: "bold", Tone.MUTED: "dim"}
_FIRST = 3  # incidents whose explanation is shown
_INCIDENTS = 20
_NOTES = 8
_STEPS = 8
_LISTED = 6
_RULES = 6
PIPED: Final = 160  # columns of an output that has none of its own
_LEAST = 30  # columns of a paragraph


def width_of(out: IO[str], *, piped: int = PIPED) -> int | None:
    """Columns of an output: those of the terminal (None), else of COLUMNS, else `piped`."""
    if out.isatty():
        return None
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdecimal() and 0 < int(columns) < 10_000 else piped


def flow(console: Console, markup: str, *, indent: int, start: int = 0) -> None:
    """One paragraph, wrapped at words; `indent` columns stay free from the second line on, `start` in the first.

    Where the output has no columns of its own (a pipe), it stays one line.
    """
    text = Styled.from_markup(markup, emoji=False)
    if not console.is_terminal and console.width >= PIPED:
        lines = [text]
    else:
        lines = list(text.wrap(console, max(_LEAST, console.width - max(indent, start))))
    for place, line in enumerate(lines):
        line.rstrip()
        console.print(Styled(" " * (indent if place else start)) + line, soft_wrap=True)


def safe(text: object) -> str:
    """Text from the wire for rich: neither escape sequences nor markup."""
    return escape(one_line(str(text)))


def heading(console: Console, text: str) -> None:
    """A section begins."""
    console.print(f"\n[bold underline]{text}[/bold underline]")


def severity(found: Severity) -> str:
    """The word in its colour."""
    return f"[{COLOURS[found]}]{found.label}[/]"


def show_view(view: View, console: Console) -> None:
    """Prints it in the order of reading."""
    verdict = view.verdict
    console.print()
    label = verdict.level.value.upper() if verdict.level is Level.ACT_NOW else verdict.level.value
    style = _LEVELS[verdict.level]
    flow(console, f"[{style}]{label}[/]  {safe(verdict.below_level)}", indent=2)
    for sentence in filter(None, (verdict.judged, verdict.operators)):
        flow(console, safe(sentence), indent=2)
    for incident in view.incidents[:_INCIDENTS]:
        _incident(incident, console, whole=incident.number <= _FIRST)
    if len(view.incidents) > _INCIDENTS:
        console.print(f"\n… and {len(view.incidents) - _INCIDENTS:,} more incidents: otwatch analyze --format jsonl", style="dim")
    _notes(view, console)
    if not view.incidents and not view.notes and view.verdict.level is not Level.CANNOT_JUDGE:
        console.print(
            "What to try next: name the allowed writers with --site (otwatch site init), or learn what is normal from a quiet capture "
            "(otwatch baseline learn) and compare with --baseline."
        )
    _not_seen(view, console)
    _not_judged(view.not_judged, len(view.clean), console)


def _incident(incident: IncidentView, console: Console, *, whole: bool) -> None:
    def told(label: str, text: str, style: str = "") -> None:
        console.print(_hanging(label, text, console.width), style=style, soft_wrap=True)

    console.print()
    flow(
        console,
        f"{incident.number} [{COLOURS[incident.severity]}]{incident.severity.label.upper()}[/] [bold]{safe(incident.title)}[/bold]"
        f"  [dim]{safe(incident.handle)}, confidence {incident.confidence:.0%}[/dim]",
        indent=2,
    )
    again = f"; {incident.occurrence} bursts" if incident.occurrence > 1 else ""
    follows = f"; follows INC-{incident.follows[:8]}" if incident.follows else ""
    path = f"{incident.path}; " if incident.path else ""
    told("", f"{path}{between(incident.first_ns, incident.last_ns)}{again}{follows}")
    if incident.targets_count > _LISTED:
        told("Targets", f"{incident.targets_count}: {', '.join(incident.targets[:_LISTED])} …")
    if len(incident.sources) > 1:
        told("Sources", f"{', '.join(incident.sources[:_LISTED])}{' …' if len(incident.sources) > _LISTED else ''}")
    if incident.succeeded:
        told("Succeeded", _listed(incident.succeeded))
    if incident.failed:
        told("Failed", _listed(incident.failed))
    steps = _chosen(incident.steps)
    for step in steps:
        flow(console, _step(step), start=2, indent=12)
    if incident.steps_count > len(steps):
        console.print(f"            + {plural(incident.steps_count - len(steps), 'step')}: otwatch analyze --format jsonl", style="dim")
    if incident.lines:
        told("Also", _listed(incident.lines))
    if whole:
        if incident.why:
            told("Why", " ".join(incident.why.split()), "dim")
        for number, line in enumerate(incident.next):
            told(" " if number else "Check", line)
        if incident.evaluable != "yes":
            told("Seen", incident.evaluable, "dim")
    place = ", ".join(str(frame) for frame in incident.frames[:8])
    techniques = " ".join(text.words.partition(" ")[0] for text in incident.techniques)
    frames = "frame" if len(incident.frames) == 1 else "frames"
    told("Evidence", f"{frames} {place} of {incident.file}; rules {', '.join(incident.rules[:_RULES])}; {techniques}", "dim")


def _listed(texts: tuple[str, ...]) -> str:
    return "; ".join(texts[:_LISTED]) + (f"; and {len(texts) - _LISTED} more" if len(texts) > _LISTED else "")


def _chosen(steps: tuple[StepRow, ...]) -> list[StepRow]:
    """The few steps that tell the story: what changed something before what did not, in order of time."""
    order = {Tone.DANGER: 0, Tone.WARN: 1, Tone.GOOD: 2}
    ranked = sorted(range(len(steps)), key=lambda place: (order.get(steps[place].what.tone, 3), place))
    return [steps[place] for place in sorted(ranked[:_STEPS])]


def _step(step: StepRow) -> str:
    sign = ":" if "→" in step.value or " values " in step.value else " ="
    value = f"{sign} {safe(step.value)}" if step.value else ""
    what = safe(step.what.words) + value + (f" x{step.count:,}" if step.count > 1 else "")
    style, words = _TONES[step.outcome.tone], safe(step.outcome.words)
    outcome = f"  [{style}]{words}[/]" if words and style else f"  {words}" if words else ""
    frames = f"  [dim]{', '.join(str(frame) for frame in step.frames[:3])}[/dim]" if step.frames else ""
    return f"{step.time}  {safe(step.source)} → {safe(step.target)}  {what}{outcome}{frames}"


def _hanging(label: str, text: str, width: int) -> str:
    """Words wrap under the label's column, and are never broken inside."""
    lines = textwrap.wrap(one_line(text), max(40, width - 12), break_long_words=False, break_on_hyphens=False)  # addresses must stay whole
    start = f"  {label:<10}" if label else "  "
    rest = " " * len(start)
    return "\n".join(escape((rest if place else start) + line) for place, line in enumerate(lines or [""]))


def _notes(view: View, console: Console) -> None:
    if not view.notes:
        return
    heading(console, f"Notes ({len(view.notes)})")
    for note in view.notes[:_NOTES]:
        told = "; ".join(part for part in (note.path, clock(note.first_ns)) if part)
        console.print(_hanging(note.severity.label, f"{note.title}: {told}", console.width), soft_wrap=True)
    if len(view.notes) > _NOTES:
        console.print(f"  … and {len(view.notes) - _NOTES:,} more: otwatch analyze --format jsonl", style="dim")


def _not_seen(view: View, console: Console) -> None:
    heading(console, "What this capture could not show")
    if not view.not_seen:
        console.print("Nothing was missing: no gaps, no cut packets, both directions seen, every OT protocol decoded.")
    for spot in view.not_seen:
        flow(console, _spot(spot), indent=2)


def _spot(spot: Text) -> str:
    return f"{'[bold yellow]! [/bold yellow]' if spot.tone is Tone.WARN else '· '}{safe(spot.words)}"


def _not_judged(missing: tuple[NotJudged, ...], clean: int, console: Console) -> None:
    if not missing and not clean:
        return
    heading(console, "Rules")
    console.print(f"{plural(clean, 'rule')} judged in full and without a finding.")
    for one in missing[:_RULES]:
        rules = ", ".join(one.rules[:_RULES]) + (" …" if len(one.rules) > _RULES else "")
        how = "Judged in part" if one.partly else "Not judged"
        flow(console, f"{how} ({len(one.rules)}): {safe(rules)}: {safe(one.reason)}", indent=2)
    if len(missing) > _RULES:
        console.print(f"… and {plural(len(missing) - _RULES, 'other reason')}: checks of otwatch analyze --format jsonl", style="dim")
