"""The reference page of RDP."""

from __future__ import annotations

from otwatch.protocols.kit.facts_page import facts_page


def reference() -> str:
    """Markdown below the head of the page."""
    return facts_page(
        "The first messages of a remote desktop.",
        (
            ("user", "cookie of the request, of the client: cut to nine characters by Windows"),
            ("rdp_security", "of the server: what it selected"),
            ("name", "of the client, in sessions without TLS"),
        ),
        (
            ("Everything after the start of TLS", "is encrypted"),
            ("Logins", "are inside of it, or encrypted by RDP itself"),
            ("RDP over UDP, gateways", "are not read"),
        ),
    )
