"""The reference page of Telnet."""

from __future__ import annotations

from otwatch.protocols.kit.facts_page import facts_page


def reference() -> str:
    """Markdown below the head of the page."""
    return facts_page(
        "Telnet until somebody is logged in.",
        (
            ("telnet_banner", "the first lines of the server"),
        ),
        (
            ("What is typed in the session", "is not read"),
            ("Servers that ask for nothing", "have a banner only"),
            ("Prompts in other words than login, user, password", "are not recognised"),
        ),
        (
            ("clear_text_credentials", "a password was typed: the user name, never the password"),
            ("shell_opened", "what followed the password is no refusal"),
        ),
    )
