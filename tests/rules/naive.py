"""The slow oracle of the matcher: a condition walked over a full record, term by term."""

from __future__ import annotations

import ipaddress
from typing import Any

from otwatch.rules.fields import TABLES
from otwatch.rules.rule import AllOf, AnyOf, Condition, Not, Term, Unless


def holds(condition: Condition, record: Any, table: str = "operations") -> bool | None:
    """True, False, or None where what the condition asks cannot be seen: Kleene's tables, written out."""
    if isinstance(condition, Term):
        value = record.get(condition.name)
        if condition.operator == "known":
            return (value is not None) == condition.values[0]
        if value is None:
            return None if TABLES[table][condition.name].missing == "unknown" else False
        values = list(value) if isinstance(value, list | tuple) else [value]
        return any(_fits(condition, item) for item in values if item is not None)
    if isinstance(condition, Not):
        return {True: False, False: True, None: None}[holds(condition.part, record, table)]
    if isinstance(condition, Unless):
        return holds(condition.part, record, table) is not True
    found = {holds(part, record, table) for part in condition.parts}
    if isinstance(condition, AnyOf):
        return True if True in found else None if None in found else False
    assert isinstance(condition, AllOf)
    return False if False in found else None if None in found else True


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
