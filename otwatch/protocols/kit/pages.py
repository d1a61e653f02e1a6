"""The reference page of a protocol that is read for identities and administration only (`ProtocolSpec.head`)."""

from __future__ import annotations

from collections.abc import Sequence

from otwatch.markdown import bullets, table

Pair = tuple[str, str]


def head_page(about: str, facts: Sequence[Pair], acts: Sequence[Pair], left_out: Sequence[Pair]) -> str:
    """Markdown below the head of the page. `facts`: (kinds, of whom and whence); `acts`: the same of what somebody does to a host."""
    parts = [
        f"{about}\n",
        "Not an OT protocol: messages become facts, not operations; nobody becomes a controller by them, and no rule on OT commands sees them. Its "
        "connections keep the name of their port (`smb?`). Read in one way only: what is hidden by contradicting segments is not looked for.\n",
        "## Facts\n",
        "What hosts say of themselves: anybody can claim it. A fact is recorded when it is new.\n",
        table(("fact", "of"), *facts),
    ]
    if acts:
        parts += [
            "## Acts\n",
            "Facts with `by`: what that host did to the other, where the answer says that it worked; once a connection.\n",
            table(("fact", "what was done"), *acts),
        ]
    return "\n".join([*parts, "## Left out\n", bullets(*left_out)])
