"""Who logs in, who both sides say they are, and what a server offers: sessions and facts of OPC UA."""

from __future__ import annotations

import struct

import pytest

from otwatch.actions import Action
from tests.oracle.opcua import (
    array,
    data_value,
    extension,
    localized,
    node,
    request,
    response,
    text,
    variant,
)
from tests.protocols.opcua.wire import NO_DIAGNOSTICS, TOKEN, Wire, application, read, read_item

CREATED = node(1, 1) + node(2, 1) + struct.pack("<d", 1.0) + text(None) * 2 + array([]) + array([]) + text(None) * 2 + bytes(4)


@pytest.mark.parametrize(
    ("token", "name", "found"),
    [
        (extension(321, text("anonymous")), "activate_session_anonymous", []),
        (
            extension(324, text("p") + text("operator") + text("secret") + text(None)),
            "activate_session_user_name_clear_text",
            ["clear-text-password"],
        ),
        (extension(324, text("p") + text("operator") + text("secret") + text("")), "activate_session_user_name_clear_text", ["clear-text-password"]),
        (
            extension(324, text("p") + text("operator") + text(bytes(256)) + text("http://www.w3.org/2001/04/xmlenc#rsa-oaep")),
            "activate_session_user_name",
            [],
        ),
        (extension(324, text("p") + text("operator") + text(b"\x01\x00\x89\x44" + bytes(300)) + text(None)), "activate_session_user_name", []),
        (extension(324, text("p") + text("operator") + text(None) + text(None)), "activate_session_user_name", []),
        (extension(327, text("p") + text(bytes(400))), "activate_session_certificate", []),
        (extension(940, text("p") + text(bytes(40)) + text(None)), "activate_session_issued_token", []),
    ],
)
def test_who_logs_in_is_told_and_a_password_never(token: bytes, name: str, found: list[str]) -> None:
    rows, bad, facts = Wire().opened().say(request(467, TOKEN + token + text(None) * 2), 2).say(response(470, CREATED, 0x80210000), 2, 1).run()
    assert [row["name"] for row in rows[2:]] == [name, name]
    assert (rows[2]["subfunction"] & 16, rows[3]["outcome"]) == (16, "bad:identity_token_rejected")
    assert bad == found
    user = "operator" if "user_name" in name else None
    assert rows[2]["value"] == user
    assert not any("secret" in str(part) for part in (*rows, *facts))
    assert [fact.value for fact in facts if fact.kind == "user"] == ([user] if user else [])
    assert [fact.value for fact in facts if fact.kind == "clear_text_credentials"] == (["OPC UA password of operator"] if found else [])


def endpoint(policy: str, mode: int) -> bytes:
    policy = "http://opcfoundation.org/UA/SecurityPolicy#" + policy
    tokens = array([text("anonymous") + bytes(4) + text(None) * 3])
    return text("opc.tcp://plc") + application() + text(None) + struct.pack("<I", mode) + text(policy) + tokens + text("uatcp") + b"\x01"


def test_a_server_says_who_it_is_and_what_it_offers() -> None:
    offered = array([endpoint("None", 1), endpoint("Basic256Sha256", 3)])
    rows, bad, facts = Wire().opened().say(request(428, text("opc.tcp://plc") + array(None) * 2), 2).say(response(431, offered), 2, 1).run()
    assert bad == []
    assert rows[2]["value"] == "opc.tcp://plc"
    assert [(fact.kind, fact.value, fact.address) for fact in facts] == [
        ("application_name", "Pump", 6),
        ("application_uri", "urn:plc", 6),
        ("product_uri", "urn:maker:plc", 6),
        ("security_offered", "None None", 6),
        ("security_offered", "Basic256Sha256 SignAndEncrypt", 6),
    ]


def test_a_session_says_who_both_sides_are() -> None:
    asked = application("urn:tool", "Tool", "urn:maker:tool") + text(None) + text("opc.tcp://plc") + text("session") + text(None) * 2 + bytes(12)
    told = node(1, 1) + node(2, 1) + struct.pack("<d", 1.0) + text(None) * 2 + array([endpoint("None", 1)]) + array([]) + text(None) * 2 + bytes(4)
    rows, bad, facts = Wire().opened().say(request(461, asked), 2).say(response(464, told), 2, 1).run()
    assert bad == []
    assert rows[2]["value"] == "opc.tcp://plc"
    assert [(fact.kind, fact.value) for fact in facts if fact.address == 5] == [
        ("application_name", "Tool"),
        ("application_uri", "urn:tool"),
        ("product_uri", "urn:maker:tool"),
    ]
    assert ("application_name", "Pump") in [(fact.kind, fact.value) for fact in facts if fact.address == 6]


BUILD = text("urn:product") + text("Maker") + text("PC-500") + text("2.4.1") + text("2041") + bytes(8)


@pytest.mark.parametrize(
    ("number", "value", "expected"),
    [
        (2263, variant(12, "Maker"), [("vendor", "Maker")]),
        (2261, variant(12, "PC-500"), [("model", "PC-500")]),
        (2264, variant(12, "2.4.1"), [("firmware", "2.4.1")]),
        (
            2260,
            b"\x16" + extension(340, BUILD),
            [("product_uri", "urn:product"), ("vendor", "Maker"), ("model", "PC-500"), ("firmware", "2.4.1"), ("build", "2041")],
        ),
        (
            2256,
            b"\x16" + extension(864, bytes(20) + BUILD + bytes(4) + localized("")),
            [("product_uri", "urn:product"), ("vendor", "Maker"), ("model", "PC-500"), ("firmware", "2.4.1"), ("build", "2041")],
        ),
        (2258, variant(13, 5), []),
    ],
)
def test_nodes_that_say_what_a_server_is_are_facts(number: int, value: bytes, expected: list) -> None:
    rows, bad, facts = Wire().opened().say(read(read_item(number, 0)), 2).say(response(634, array([data_value(value)]) + NO_DIAGNOSTICS), 2, 1).run()
    assert bad == []
    assert rows[2]["action"] == (Action.IDENTIFY if 2260 <= number <= 2266 else Action.READ)
    assert [(fact.kind, fact.value) for fact in facts] == expected
