"""otwatch rules: what is looked for."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from otwatch.cli.failing import EXIT_UNUSABLE, complain, one_line_errors
from otwatch.cli.options import FILE
from otwatch.outputs.story import plural


@click.group()
def rules() -> None:
    """The rules: list them, read one, check your own, run their tests."""


@rules.command("list")
@click.option("--rules", "paths", multiple=True, type=FILE, metavar="PATH", help="More rules than the shipped ones; may be repeated.")
def list_rules(paths: tuple[str, ...]) -> None:
    """List every rule: shipped, and with --rules your own."""
    with one_line_errors():
        from rich.table import Table

        from otwatch.cli.text import QuietConsole
        from otwatch.cli.view_text import safe, width_of
        from otwatch.engine.detector import rules_of

        table = Table(box=None)
        for column in ("rule", "severity", "ATT&CK", "title"):
            table.add_column(column, overflow="fold", no_wrap=column == "rule")
        known = rules_of(paths)
        for rule in known:
            table.add_row(safe(rule.id), rule.severity.label, " ".join(rule.attack), safe(rule.title))
        QuietConsole(highlight=False, width=width_of(sys.stdout, piped=200)).print(table)
        click.echo(f"{plural(len(known), 'rule')}.")


@rules.command()
@click.argument("rule_id", metavar="RULE")
@click.option("--rules", "paths", multiple=True, type=FILE, metavar="PATH", help="More rules than the shipped ones; may be repeated.")
def show(rule_id: str, paths: tuple[str, ...]) -> None:
    """Show one rule as it is written."""
    with one_line_errors():
        from otwatch.engine.detector import rules_of
        from otwatch.errors import CaptureError

        known = {rule.id: rule for rule in rules_of(paths)}
        if rule_id not in known:
            import difflib

            near = difflib.get_close_matches(rule_id, known, n=1)
            raise CaptureError(f"there is no rule {rule_id!r}" + (f": did you mean {near[0]}?" if near else "; see otwatch rules list"))
        click.echo(f"# {known[rule_id].path}:{known[rule_id].line}")
        click.echo(Path(known[rule_id].path).read_text(encoding="utf-8"), nl=False)


@rules.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
def check(paths: tuple[str, ...]) -> None:
    """Check rule files or folders: every mistake with file, line and column."""
    with one_line_errors():
        from otwatch.engine.detector import rules_of, shipped_rules

        shipped = {rule.id for rule in rules_of(drafts=True)}
        inside = all(Path(path).resolve().is_relative_to(shipped_rules().resolve()) for path in paths)
        found = rules_of(() if inside else paths, drafts=True)
        count = len(found) if inside else sum(rule.id not in shipped for rule in found)
        click.echo(f"{plural(count, 'rule')}, no mistakes.")


@rules.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
def test(paths: tuple[str, ...]) -> None:
    """Run the tests in the rules of PATH; without PATH, those of the shipped rules."""
    with one_line_errors():
        from otwatch.engine.detector import rules_of, shipped_rules
        from otwatch.engine.proving import prover

        prove = prover()
        given = [Path(path).resolve() for path in paths]
        inside = all(path.is_relative_to(shipped_rules().resolve()) for path in given)
        known = rules_of(() if inside else paths, drafts=True)
        chosen = [rule for rule in known if not given or any(Path(rule.path).resolve().is_relative_to(path) for path in given)]
        outcomes = [outcome for rule in chosen for outcome in prove.prove(rule)]
    wrong = [outcome for outcome in outcomes if outcome.problem]
    for outcome in wrong:
        complain(f"{outcome.place}: {outcome.rule}: {outcome.problem}")
    untested = [rule.id for rule in chosen if not rule.tests]
    click.echo(
        f"{len(outcomes) - len(wrong)} of {plural(len(outcomes), 'test')} of {plural(len(chosen), 'rule')} passed."
        + (f" Without tests: {', '.join(untested)}." if untested else "")
    )
    if wrong:
        sys.exit(EXIT_UNUSABLE)


@rules.command("export")
@click.option("--sigma", "sigma", is_flag=True, required=True, help="As Sigma rules that match otwatch's events in a SIEM.")
@click.option("--fields", "form", type=click.Choice(["ecs", "json", "cef", "leef"]), default="ecs", show_default=True,
              help="Names of fields: those of the body that the SIEM gets.")
@click.option("--output", type=FILE, metavar="FILE", help="Where to; default: standard output.")
@click.option("--rules", "paths", multiple=True, type=FILE, metavar="PATH", help="More rules than the shipped ones; may be repeated.")
def export_rules(sigma: bool, form: str, output: str | None, paths: tuple[str, ...]) -> None:  # noqa: ARG001 - the only form so far
    """Export one Sigma rule for each rule of otwatch and each condition of the sensor.

    \b
    Examples:
      otwatch rules export --sigma --output otwatch-sigma.yaml
      otwatch rules export --sigma --fields cef | sigma convert -t splunk -p ... -
    """
    with one_line_errors():
        from otwatch.engine.detector import rules_of
        from otwatch.outputs.sigma import Detection, sigma_documents
        from otwatch.sensor.health import CONDITIONS

        detections = [
            Detection(rule=rule.id, title=rule.title, severity=rule.severity, description=rule.why, attack=rule.attack,
                      false_positives=rule.false_positives, references=rule.references)
            for rule in rules_of(paths)
        ]
        detections += [
            Detection(rule=f"sensor.{name}", title=title, severity=severity, description=why) for name, (title, severity, why) in CONDITIONS.items()
        ]
        text = "---\n".join(sigma_documents(detections, form))
        if output is None:
            click.echo(text, nl=False)
        else:
            Path(output).write_text(text, encoding="utf-8")
            complain(f"{plural(len(detections), 'Sigma rule')} written to {output}")
