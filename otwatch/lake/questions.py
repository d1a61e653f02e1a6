"""Questions that are asked again and again, as SQL that DuckDB and ClickHouse both take."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from otwatch.actions import CHANGING, ENGINEERING
from otwatch.lake.asking import quoted

_GRAVE: Final = ", ".join(quoted(action.name) for action in sorted(CHANGING | ENGINEERING))
# Commands and their answers with who acts on what: the sender of a request. But a controller asks for the blocks that its client has announced (S7):
# who opened the connection, from the higher port, acts.
_REQUESTED: Final = "CASE WHEN role = 'response' THEN coalesce(dst_port < src_port, false) ELSE coalesce(src_port < dst_port, false) END"
_SWAPPED: Final = f"(role = 'response') <> (action = 'PROGRAM_DOWNLOAD' AND ({_REQUESTED}))"
COMMANDS: Final = (
    f"(SELECT *, CASE WHEN {_SWAPPED} THEN dst ELSE src END AS actor, CASE WHEN {_SWAPPED} THEN src ELSE dst END AS target "  # noqa: S608 - names of ours
    f"FROM operations WHERE action IN ({_GRAVE}))"
)

# {everything} holds where no target is named; {targets} are the addresses of the one that is
WRITERS: Final = """
SELECT c.client AS client, c.target AS target, c.protocol AS protocol, c.action AS action, c.unit AS unit, c.object AS object,
  c.first AS first, c.last AS last, c.commands AS commands, coalesce(r.refused, 0) AS refused, c.last_value AS last_value
FROM (
  SELECT actor AS client, target, protocol, action, coalesce(unit, -1) AS unit, coalesce(object_name, '') AS object,
    min(time) AS first, max(time) AS last, count(*) AS commands, argMax(value, time) AS last_value
  FROM {commands} AS o WHERE role <> 'response' AND ({everything} OR target IN ({targets}))
  GROUP BY actor, target, protocol, action, coalesce(unit, -1), coalesce(object_name, '')
) AS c LEFT JOIN (
  SELECT actor AS client, target, protocol, action, coalesce(unit, -1) AS unit, coalesce(object_name, '') AS object, count(*) AS refused
  FROM {commands} AS o WHERE role = 'response' AND status <> 'ok'
  GROUP BY actor, target, protocol, action, coalesce(unit, -1), coalesce(object_name, '')
) AS r
ON c.client = r.client AND c.target = r.target AND c.protocol = r.protocol AND c.action = r.action AND c.unit = r.unit AND c.object = r.object
ORDER BY last DESC, client, target, object LIMIT {limit}
"""
HISTORY: Final = """
SELECT first, last, what, detail, more, times FROM (
  SELECT min(time) AS first, max(time) AS last, 'identity' AS what, kind AS detail, value AS more, count(*) AS times
  FROM facts WHERE address IN ({targets}) GROUP BY kind, value
  UNION ALL
  SELECT min(time), max(time), 'commanded by', actor, concat(protocol, ' ', action, ' ', coalesce(object_name, '')), count(*)
  FROM {commands} AS o WHERE role <> 'response' AND target IN ({targets}) GROUP BY actor, protocol, action, object_name
  UNION ALL
  SELECT min(time), max(time), 'commands', target, concat(protocol, ' ', action, ' ', coalesce(object_name, '')), count(*)
  FROM {commands} AS o WHERE role <> 'response' AND actor IN ({targets}) GROUP BY target, protocol, action, object_name
  UNION ALL
  SELECT min(first_seen), max(last_seen), 'talks to', server, service, count(*)
  FROM flows WHERE one_way = false AND client IN ({targets}) GROUP BY server, service
  UNION ALL
  SELECT min(first_seen), max(last_seen), 'serves', client, service, count(*)
  FROM flows WHERE one_way = false AND server IN ({targets}) GROUP BY client, service
  UNION ALL
  SELECT first_seen, last_seen, concat('alert ', severity), title, concat(src, ' > ', dst), count
  FROM alerts WHERE src IN ({targets}) OR dst IN ({targets})
) AS h ORDER BY first, what, detail, more LIMIT {limit}
"""
FIRST_SEEN: Final = """
SELECT address, min(seen) AS first, max(until) AS last, argMin(how, seen) AS first_as FROM (
  SELECT client AS address, first_seen AS seen, last_seen AS until, concat('client of ', service) AS how FROM flows WHERE bytes_to_server > 0
  UNION ALL
  SELECT server, first_seen, last_seen, concat('server of ', service) FROM flows WHERE bytes_to_client > 0
) AS s WHERE {everything} OR address IN ({targets}) GROUP BY address ORDER BY first DESC, address LIMIT {limit}
"""
ALERTS: Final = """
SELECT i.severity AS severity, i.title AS incident, i.first_seen AS first, i.last_seen AS last, a.severity AS alert_severity, a.title AS alert,
  a.src AS src, a.dst AS dst, a.outcome AS outcome, a.count AS count
FROM incidents AS i LEFT JOIN alerts AS a ON a.incident = i.id AND a.site = i.site AND a.sensor = i.sensor
WHERE {everything} OR a.src IN ({targets}) OR a.dst IN ({targets}) OR i.id IN ({targets})
ORDER BY CASE i.severity WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 WHEN 'low' THEN 3 ELSE 4 END, i.last_seen DESC, i.id,
  a.last_seen DESC, a.id LIMIT {limit}
"""
QUESTIONS: Final[Mapping[str, str]] = {"writers": WRITERS, "history": HISTORY, "first-seen": FIRST_SEEN, "alerts": ALERTS}
Ask = Callable[[str], Iterable[tuple[Any, ...]]]


def sql_of(name: str, ask: Ask, *, target: str = "", limit: int = 100) -> str:
    """The SQL of a question about a target: an address, a MAC, a name or an id; empty: about everything. `ask` finds its other addresses."""
    targets = ", ".join(map(quoted, addresses_of(target, ask) if target else [""]))
    return QUESTIONS[name].format(commands=COMMANDS, targets=targets, everything="1 = 1" if not target else "1 = 0", limit=int(limit))


def addresses_of(target: str, ask: Ask) -> list[str]:
    """What an asset is called in the other tables: the target itself, and the addresses of assets that have it as address, MAC, name or id."""
    found = {target}
    listed = quoted(json.dumps(target))
    same = f"id = {quoted(target)} OR name = {quoted(target)} OR position({listed} IN addresses) > 0 OR position({listed} IN macs) > 0"
    for texts in ask(f"SELECT addresses, macs FROM assets WHERE {same}"):  # noqa: S608 - literals are quoted
        for text in texts:
            found.update(map(str, json.loads(text or "[]")))
    return sorted(found)
