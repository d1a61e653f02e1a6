"""Which device says that it has a name of station or an IP address: two that say the same are a mistake, or one of them lies."""

from __future__ import annotations

from otwatch.protocols.pn_dcp.spec import CLAIM_NS


class Claims:
    """The last claim of each name or address, and of each claimant; capped: the oldest go first."""

    def __init__(self, limit: int) -> None:
        self.limit = max(1, limit)
        self.owners: dict[bytes, tuple[int, int]] = {}  # what -> (who, when last)
        self.claims: dict[int, bytes] = {}  # who -> what it claimed last
        self.told: set[tuple[bytes, int]] = set()

    def claim(self, who: int, what: bytes, now_ns: int) -> bool:
        """`who` says that it has `what`; True when another said so within ten minutes, the first time that this one does."""
        before = self.claims.get(who)
        if before is not None and before != what and self.owners.get(before, (-1, 0))[0] == who:
            del self.owners[before]  # it gave up what it had
        owner = self.owners.get(what)
        if owner is not None and owner[0] != who and now_ns - owner[1] <= CLAIM_NS:
            new = (what, who) not in self.told and len(self.told) < self.limit
            if new:
                self.told.add((what, who))
            return new
        for known in (self.owners, self.claims):
            if len(known) >= self.limit:
                del known[next(iter(known))]  # type: ignore[arg-type]
        self.owners[what] = who, now_ns
        self.claims[who] = what
        return False
