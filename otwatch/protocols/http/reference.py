"""The reference page of HTTP."""

from __future__ import annotations

from otwatch.protocols.kit.facts_page import facts_page


def reference() -> str:
    """Markdown below the head of the page."""
    return facts_page(
        "The heads of the first requests and answers of a connection.",
        (
            ("http_server", "Server of an answer"),
            ("user_agent", "User-Agent of a client"),
            ("http_host", "Host that clients ask a server for, where it is a name"),
            ("http_login", "WWW-Authenticate of an answer"),
        ),
        (
            ("Bodies, paths, cookies, forms", "are not read"),
            ("Requests after the eighth, or after a body of unknown or large size", "are not read"),
            ("HTTP/2, HTTP/3 and TLS", "are not read"),
        ),
        (
            ("clear_text_credentials", "Basic: the user name, never the password"),
        ),
    )
