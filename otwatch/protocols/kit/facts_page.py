"""The reference page of a protocol that makes facts only."""

from __future__ import annotations

from otwatch.markdown import bullets, code, table

Pairs = tuple[tuple[str, str], ...]


def facts_page(intro: str, facts: Pairs, left_out: Pairs, acts: Pairs = ()) -> str:
    """Markdown below the head of the page: what is read, (kind of fact, what it holds), (what is left out, why), (kind of act, what was done)."""
    done = (
        "", "## Acts", "",
        "Facts with `by`: what that host did to the other one, where an answer shows that it worked; the same once a connection.",
        "", table(("kind", "what was done"), *((code(kind), what) for kind, what in acts)),
    )  # fmt: skip
    return "\n".join((
        intro,
        "",
        "It is no OT protocol: it makes no operations, nobody is a client or server of OT by it, and its conversations stay of the service that "
        "their port names. What a host says about itself is its own word: it is shown with its source, and never stands in for an address.",
        "", "## Facts", "", table(("kind", "holds"), *((code(kind), what) for kind, what in facts)),
        *(done if acts else ()),
        "", "## Left out", "", bullets(*left_out),
    ))  # fmt: skip
