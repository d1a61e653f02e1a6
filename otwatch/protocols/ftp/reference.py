"""The reference page of FTP."""

from __future__ import annotations

from otwatch.protocols.kit.facts_page import facts_page


def reference() -> str:
    """Markdown below the head of the page."""
    return facts_page(
        "The control connection of FTP.",
        (
            ("ftp_banner", "greeting of the server"),
            ("ftp_system", "answer to SYST"),
            ("anonymous_login", "of the server: it let in anonymous"),
        ),
        (
            ("Contents of files, directories", "are in other connections, and not read"),
            ("FTP over TLS", "nothing after AUTH"),
        ),
        (
            ("clear_text_credentials", "a password was sent: the user name, never the password"),
            ("file_written, file_read, file_deleted", "a transfer or deletion that the server confirmed: the name of the file"),
        ),
    )
