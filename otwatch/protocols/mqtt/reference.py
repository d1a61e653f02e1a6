"""The reference page of MQTT."""

from __future__ import annotations

from otwatch.protocols.kit.facts_page import facts_page


def reference() -> str:
    """Markdown below the head of the page."""
    return facts_page(
        "Control packets of MQTT 3.1, 3.1.1 and 5 over TCP.",
        (
            ("mqtt_client_id, user", "of the client, CONNECT"),
            ("mqtt_published, mqtt_subscribed", "of the client: topics, the first sixteen of each"),
            ("anonymous_login", "of the broker: it accepted a client without a user name"),
        ),
        (
            ("What is published", "is not read; Sparkplug is not decoded"),
            ("Packets after the 256th of a side", "are not read"),
            ("MQTT over TLS or WebSockets", "is not read"),
        ),
        (
            ("clear_text_credentials", "CONNECT with a password: the user name, never the password"),
        ),
    )
