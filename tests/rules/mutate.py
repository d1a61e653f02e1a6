"""Mutants of rules: one field, value, window or alternative changed. The tests of a rule must notice each of them.

    python tests/rules/mutate.py [--sample N] [--seed N] [RULE...]
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from otwatch.engine.detector import rules_of
from otwatch.rules.rule import AllOf, AnyOf, Condition, Rule, Sequence, Term, Window, terms_of
from tests.rules.hand import PROVER

_OF_REQUESTS = {"writer", "permitted", "after_start"}


def mutants(rule: Rule) -> Iterator[tuple[str, Rule]]:
    """(what was changed, the changed rule): every condition left out, every value left out or moved, every measure of the window changed."""
    if rule.sequence is not None:
        for number, step in enumerate(rule.sequence.steps):
            for text, where in _conditions(step.where):
                steps = tuple(replace(known, where=where) if at == number else known for at, known in enumerate(rule.sequence.steps))
                yield f"step {number}: {text}", replace(rule, sequence=Sequence(within_ns=rule.sequence.within_ns, steps=steps))
    else:
        for text, where in _conditions(rule.where):
            yield text, replace(rule, where=where)
    if rule.window is not None:
        yield from ((text, replace(rule, window=window)) for text, window in _windows(rule.window))


def _windows(window: Window) -> Iterator[tuple[str, Window]]:
    yield "at_least less one", replace(window, at_least=max(1, window.at_least - 1))
    yield "at_least and one more", replace(window, at_least=window.at_least + 1)
    yield "for twice as long", replace(window, for_ns=2 * window.for_ns)
    yield "for half as long", replace(window, for_ns=window.for_ns // 2)
    if window.distinct is not None:
        yield "without distinct", replace(window, distinct=None)


def _conditions(condition: Condition) -> Iterator[tuple[str, Condition]]:
    """Each way in which one part of a condition is weaker or another."""
    if isinstance(condition, Term):
        yield from _terms(condition)
    elif isinstance(condition, AllOf | AnyOf):
        kind = type(condition)
        for at, part in enumerate(condition.parts):
            if len(condition.parts) > 1 and not _implied(part, condition.parts):
                yield f"without {_text(part)}", kind(condition.parts[:at] + condition.parts[at + 1 :])
            for text, other in _conditions(part):
                yield text, kind((*condition.parts[:at], other, *condition.parts[at + 1 :]))
    else:
        for text, other in _conditions(condition.part):
            yield text, replace(condition, part=other)


def _implied(part: Condition, beside: tuple[Condition, ...]) -> bool:
    """Whether a condition only saves work: who writes is known of requests alone."""
    asks = {term.name for other in beside for term in terms_of(other)}
    return isinstance(part, Term) and part.name == "role" and part.values == ("request",) and bool(asks & _OF_REQUESTS)


def _terms(term: Term) -> Iterator[tuple[str, Condition]]:
    if len(term.values) > 1 and term.operator in ("in", "not", "contains"):
        for value in term.values:
            yield f"{term.name} without {value}", replace(term, values=tuple(other for other in term.values if other != value))
    for value in term.values[:1]:
        moved: Any = None
        if isinstance(value, bool):
            moved = not value
        elif isinstance(value, int) and term.operator in ("ge", "gt", "le", "lt"):
            yield f"{term.name} {value} less one", replace(term, values=(value - 1,))
            moved = value + 1
        elif isinstance(value, int | str) and len(term.values) == 1:
            moved = value + 1 if isinstance(value, int) else f"{value}x"
        if moved is not None:
            yield f"{term.name} {moved} for {value}", replace(term, values=(moved,))


def _text(condition: Condition) -> str:
    return condition.text() if isinstance(condition, Term) else type(condition).__name__


def survives(mutant: Rule) -> bool:
    """Whether the tests of the rule notice nothing."""
    return not any(outcome.problem for outcome in PROVER.prove(mutant))


def sample(count: int, seed: int) -> list[tuple[str, str, Rule]]:
    """(rule, what was changed, mutant): drawn evenly from all rules, not from the long ones; a rule that is new draws no other ones of the rest."""

    def lot(*words: str) -> bytes:
        return hashlib.sha256("|".join((str(seed), *words)).encode()).digest()

    rules = sorted((rule for rule in rules_of(drafts=True) if rule.status != "draft"), key=lambda rule: lot(rule.id))
    drawn: list[tuple[str, str, Rule]] = []
    for rule in rules:
        if len(drawn) < count and (made := list(mutants(rule))):
            drawn.append((rule.id, *min(made, key=lambda one: lot(rule.id, one[0]))))
    return drawn


def run() -> int:
    """The command: all mutants of the named rules, or a sample of all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("rules", nargs="*")
    parser.add_argument("--sample", type=int, default=0, help="so many of all rules; 0: every mutant")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.sample:
        chosen = sample(options.sample, options.seed)
    else:
        chosen = [(rule.id, *made) for rule in rules_of(drafts=True) if not options.rules or rule.id in options.rules for made in mutants(rule)]
    alive = [(rule, text) for rule, text, mutant in chosen if survives(mutant)]
    for rule, text in alive:
        print(f"{rule}: survives {text}")
    print(f"{len(chosen) - len(alive)} of {len(chosen)} mutants are caught")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(run())
