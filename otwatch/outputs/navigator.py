"""The techniques of a result as a layer for the ATT&CK Navigator."""

from __future__ import annotations

import json

from otwatch.alerts.attack import navigator_layer
from otwatch.outputs.result import Result
from otwatch.outputs.story import plural

_COMMENTS = 8  # alerts named of one technique


def layer_of(result: Result) -> str:
    """JSON text: the score of a technique is the number of alerts that name it, its comment says which."""
    scores: dict[str, int] = {}
    comments: dict[str, dict[str, None]] = {}
    for alert in result.alerts:
        for technique in alert.attack:
            scores[technique] = scores.get(technique, 0) + 1
            named = comments.setdefault(technique, {})
            if len(named) < _COMMENTS:
                named[f"{alert.severity.label}: {alert.title}, {alert.src} to {alert.dst} ({alert.outcome.value.replace('_', ' ')})"] = None
    files = ", ".join(dict.fromkeys(report.path.rpartition("/")[2] for report in result.captures))
    graver = sum(not incident.is_note for incident in result.incidents)
    layer = navigator_layer(
        "otwatch", f"{plural(graver, 'incident')} in {files}", scores, {technique: list(named) for technique, named in comments.items()}
    )
    return json.dumps(layer, indent=1) + "\n"
