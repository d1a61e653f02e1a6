"""The reference page of SSH."""

from __future__ import annotations

from otwatch.protocols.kit.facts_page import facts_page


def reference() -> str:
    """Markdown below the head of the page."""
    return facts_page(
        "The version line of each side; everything after it is encrypted.",
        (
            ("ssh_version", "of either side, as it writes it"),
        ),
        (
            ("Key exchange, logins, commands", "encrypted, or not read"),
        ),
    )
