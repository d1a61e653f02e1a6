"""The reference page of TLS handshakes."""

from __future__ import annotations

from otwatch.protocols.kit.facts_page import facts_page


def reference() -> str:
    """Markdown below the head of the page."""
    return facts_page(
        "The hellos of both sides, and certificates where they are in clear text, on any port of TCP. What follows is encrypted and not read.",
        (
            ("ja4", "of the client: JA4 of its hello"),
            ("server_name", "of the server: the name that it is asked for"),
            ("tls_version, alpn", "of the server: what it chose"),
            ("certificate_subject, …_issuer, …_thumbprint, …_valid, …_uri, …_name", "of either side that shows one, up to TLS 1.2"),
        ),
        (
            ("Certificates of TLS 1.3", "encrypted"),
            ("TLS behind a command of another protocol (STARTTLS), DTLS, QUIC", "not read"),
        ),
    )
