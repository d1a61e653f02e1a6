"""The reference page of VNC."""

from __future__ import annotations

from otwatch.protocols.kit.pages import head_page


def reference() -> str:
    """Markdown below the head of the page."""
    return head_page(
        "The first two messages of each side.",
        (
            ("vnc_version", "of either side"),
            ("vnc_security", "of the server: each type that it offers"),
        ),
        (
            ("desktop_opened", "the client took the type without authentication"),
        ),
        (
            ("Pictures, keys, the name of the desktop", "are not read"),
        ),
    )
