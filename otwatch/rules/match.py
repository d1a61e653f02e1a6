"""Which clauses a row passes, as bit masks: what depends on its signature or its pair of addresses alone is judged once for each of these.

A row's candidates are `signatures[its signature] & pairs[its pair]`; of a polling plant's rows nearly all have none, however many rules there
are. Only candidates are asked about the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Final

from otwatch.rules.compile import Clause, Record
from otwatch.rules.fields import Stage

_REMEMBERED: Final = 131_072  # signatures and pairs; a flood of new ones is judged again, not remembered without end


class Matcher:
    """The clauses of one table."""

    def __init__(self, clauses: Sequence[Clause]) -> None:
        self.clauses = tuple(clauses)
        self._signatures: dict[Hashable, tuple[int, dict[str, Any]]] = {}
        self._pairs: dict[tuple[int, int], tuple[int, dict[str, Any]]] = {}

    def candidates(
        self,
        signature: Hashable,
        of_signature: Callable[[Any], dict[str, Any]],
        pair: tuple[int, int],
        of_pair: Callable[[tuple[int, int]], dict[str, Any]],
    ) -> tuple[int, dict[str, Any], dict[str, Any]]:
        """(mask of clauses that signature and pair leave, record of the signature, record of the pair)."""
        known = self._signatures.get(signature)
        if known is None:
            record = of_signature(signature)
            known = self._remember(self._signatures, signature, record, Stage.SIGNATURE)
        if not known[0]:
            return 0, known[1], {}
        mate = self._pairs.get(pair)
        if mate is None:
            mate = self._remember(self._pairs, pair, of_pair(pair), Stage.PAIR)
        return known[0] & mate[0], known[1], mate[1]

    def _remember(self, memory: dict[Any, tuple[int, dict[str, Any]]], key: Any, record: dict[str, Any], stage: Stage) -> tuple[int, dict[str, Any]]:
        mask = 0
        for bit, clause in enumerate(self.clauses):
            test = clause.tests[stage]
            if test is None or test(record):
                mask |= 1 << bit
        if len(memory) >= _REMEMBERED:
            memory.clear()
        memory[key] = mask, record
        return mask, record

    def passing(self, mask: int, record: Record) -> list[Clause]:
        """The clauses of a mask that pass REST too."""
        found = []
        while mask:
            bit = mask & -mask
            mask ^= bit
            clause = self.clauses[bit.bit_length() - 1]
            test = clause.tests[Stage.REST]
            if test is None or test(record):
                found.append(clause)
        return found
