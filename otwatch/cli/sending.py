"""The alerts of a finished analysis on their way to a SIEM: `otwatch analyze --syslog URL`."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence

import otwatch
from otwatch.alerts.alert import Severity
from otwatch.cli.failing import complain
from otwatch.outputs.alert_records import alert_record, incident_record
from otwatch.outputs.result import Result
from otwatch.outputs.siem.event import Sensor
from otwatch.outputs.siem.sending import check_target, send_all
from otwatch.outputs.siem.transport import Target, parse_target


def destinations(urls: Sequence[str]) -> list[Target]:
    """What the URLs mean; CaptureError says what is wrong with one, before the work."""
    targets = [parse_target(url) for url in urls]
    for target in targets:
        check_target(target)
    return targets


def alert_records(result: Result, least: Severity = Severity.INFO) -> list[dict[str, object]]:
    """The alerts in the order in which they happened."""
    chosen = [alert for alert in result.alerts if alert.severity >= least]
    return [alert_record(alert) for alert in sorted(chosen, key=lambda alert: (alert.first_seen_ns, alert.id))]


def incident_records(result: Result, least: Severity = Severity.INFO) -> list[dict[str, object]]:
    """The incidents in the order in which they began."""
    chosen = [incident for incident in result.incidents if incident.severity >= least]
    return [incident_record(incident) for incident in sorted(chosen, key=lambda incident: (incident.first_ns, incident.id))]


def send(result: Result, targets: Sequence[Target], least: Severity) -> bool:
    """Waits until every destination has the incidents (and alerts, where it wants all events), with the times of the capture.

    False when one could not be reached, which is reported.
    """
    incidents, alerts = incident_records(result, least), alert_records(result, least)
    if sys.stderr.isatty():
        complain(f"sending {_many(len(incidents), 'incident')} to {', '.join(target.place for target in targets)}")
    sender = Sensor(name=socket.gethostname(), version=otwatch.__version__, process=str(os.getpid()))
    done = True
    for outcome in send_all([*incidents, *alerts], targets, sender):
        many = _many(len(incidents), "incident") + (f", {_many(len(alerts), 'alert')}" if outcome.target.events == "all" else "")
        if outcome.error:
            done = False
            complain(
                f"{outcome.target.place}: {outcome.delivered} of {many} delivered: {outcome.error}; "
                "check that address and receiver, then run it again (what comes twice has the same id)"
            )
        else:
            complain(f"{many} sent to {outcome.target.place}")
    return done


def _many(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
