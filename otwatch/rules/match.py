"""Which clauses a row passes, as bit masks: what depends on its signature or its pair of addresses alone is judged once for each of these.

A row's candidates are `signatures[its signature] & pairs[its pair]`; of a polling plant's rows nearly all have none, however many rules there
are. Only candidates are asked about the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Final

from otwatch.rules.compile import Clause, Record
from otwatch.rules.fields import Stage

_REMEMBERED: Final = 131_072  # signatures; a flood of new ones is judged again, not remembered without end
_PAIRS: Final = 16_384


class Matcher:
    """The clauses of one table."""

    def __init__(self, clauses: Sequence[Clause]) -> None:
        self.clauses = tuple(clauses)
        self._asking = sum(1 << bit for bit, clause in enumerate(self.clauses) if clause.tests[Stage.PAIR] is not None)
        self._signatures: dict[Hashable, tuple[int, dict[str, Any]]] = {}
        self._pairs: dict[tuple[int, int], list[Any]] = {}  # clauses asked, those that pass, record

    def signed(self, signature: Hashable, of_signature: Callable[[Any], dict[str, Any]]) -> tuple[int, dict[str, Any]]:
        """(mask of clauses that a signature leaves, its record)."""
        known = self._signatures.get(signature)
        if known is None:
            record = of_signature(signature)
            known = self._mask(record, Stage.SIGNATURE), record
            if len(self._signatures) >= _REMEMBERED:
                self._signatures.clear()
            self._signatures[signature] = known
        return known

    def candidates(
        self,
        signature: Hashable,
        of_signature: Callable[[Any], dict[str, Any]],
        pair: tuple[int, int],
        of_pair: Callable[[tuple[int, int]], Record],
    ) -> tuple[int, dict[str, Any], Record]:
        """(mask of clauses that signature and pair leave, record of the signature, record of the pair)."""
        mask, record = self.signed(signature, of_signature)
        if not mask:
            return 0, record, {}
        known = self._pairs.get(pair)
        if known is None:
            if len(self._pairs) >= _PAIRS:
                self._pairs.clear()
            known = self._pairs[pair] = [0, 0, of_pair(pair)]
        asked, passed, fields = known
        missing = mask & self._asking & ~asked
        if missing:
            known[0] = asked | missing
            known[1] = passed = passed | self._mask(fields, Stage.PAIR, missing)
        return mask & (passed | ~self._asking), record, fields

    def _mask(self, record: Record, stage: Stage, among: int = -1) -> int:
        mask = 0
        for bit, clause in enumerate(self.clauses):
            test = clause.tests[stage]
            if among >> bit & 1 and (test is None or test(record)):
                mask |= 1 << bit
        return mask

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
