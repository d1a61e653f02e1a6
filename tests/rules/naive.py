"""The slow oracle of the matcher: a condition walked over a full record, term by term."""

from __future__ import annotations

import ipaddress
from typing import Any

from otwatch.rules.rule import AllOf, AnyOf, Condition, Not, Term


def holds(condition: Condition, record: Any) -> bool:
    if isinstance(condition, Term):
        value = record.get(condition.name)
        values = list(value) if isinstance(value, list | tuple) else [value]
        return any(_fits(condition, item) for item in values if item is not None)
    if isinstance(condition, Not):
        return not holds(condition.part, record)
    if isinstance(condition, AnyOf):
        return any(holds(part, record) for part in condition.parts)
    assert isinstance(condition, AllOf)
    return all(holds(part, record) for part in condition.parts)


def _fits(term: Term, value: Any) -> bool:
    match term.operator:
        case "in":
            return value in term.values
        case "not":
            return value not in term.values
        case "ge":
            return value >= min(term.values)
        case "gt":
            return value > min(term.values)
        case "le":
            return value <= max(term.values)
        case "lt":
            return value < max(term.values)
        case "cidr":
            return any(ipaddress.ip_address(value) in network for network in term.values if network.version == ipaddress.ip_address(value).version)
        case "contains":
            return any(part in str(value) for part in term.values)
        case "startswith":
            return any(str(value).startswith(part) for part in term.values)
    raise AssertionError(term.operator)
