"""The reference page of VNC."""

from __future__ import annotations

from otwatch.protocols.kit.facts_page import facts_page


def reference() -> str:
    """Markdown below the head of the page."""
    return facts_page(
        "The first two messages of each side.",
        (
            ("vnc_version", "of either side"),
            ("vnc_security", "of the server: each type that it offers"),
        ),
        (
            ("Pictures, keys, the name of the desktop", "are not read"),
        ),
        (
            ("desktop_opened", "the client took the type without authentication"),
        ),
    )
