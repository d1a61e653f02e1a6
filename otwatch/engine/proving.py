"""The prover of rules with the whole engine behind it: the same for `otwatch rules test` and for pytest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from otwatch.addresses import Addresses
from otwatch.alerts.alert import Alert
from otwatch.baseline.baseline import Baseline, Quirk, Service
from otwatch.baseline.behaviours import BehaviourIndex
from otwatch.engine.analysis import Analysis
from otwatch.engine.detector import Policy, RuleDetector
from otwatch.engine.kinds import anomaly_kinds
from otwatch.errors import CaptureError
from otwatch.intel.indicators import Indicators, parse_indicators
from otwatch.limits import Limits
from otwatch.protocols import protocols
from otwatch.rules.prove import Prover
from otwatch.rules.rule import Rule
from otwatch.rules.seams import Intelligence, Known, SitePolicy
from otwatch.site.load import parse_site
from otwatch.site.site import Site
from otwatch.tables import Behaviours


def alerts_of_capture(
    capture: Path, rules: Sequence[Rule], site: SitePolicy | None = None, baseline: Known | None = None, intelligence: Intelligence | None = None
) -> list[Alert]:
    """What rules give for one capture."""
    assert site is None or isinstance(site, Site)
    assert baseline is None or isinstance(baseline, Baseline)
    assert intelligence is None or isinstance(intelligence, Indicators)
    analysis = Analysis(Limits())
    analysis.detector = RuleDetector(analysis.pipeline, Policy(rules=list(rules), site=site, baseline=baseline, intelligence=intelligence))
    analysis.run([str(capture)])
    result = analysis.finish()
    if result.unreadable:
        raise CaptureError(result.unreadable[0])
    return result.alerts


def learned(behaviours: Behaviours, addresses: Addresses, names: Sequence[str], services: Sequence[Service],
            quirks: Sequence[Quirk]) -> Baseline:
    """A baseline of these behaviours and conversations."""
    baseline = Baseline()
    hosts = [host for client, server, *_ in services for host in (client, server)]
    baseline.learn(behaviours, addresses, names, hosts=hosts, services=services, quirks=quirks)
    return baseline


def _indicators(text: str, name: str) -> Indicators:
    found = Indicators()
    parse_indicators(text, name, found)
    return found


def prover() -> Prover:
    """Runs the tests of rules, on rows and on captures."""
    known = protocols()
    return Prover(
        protocols=known,
        layers=anomaly_kinds(known),
        index=lambda: BehaviourIndex(Limits()),
        parse_site=parse_site,
        learn=learned,
        parse_intel=_indicators,
        analyse=alerts_of_capture,
    )
