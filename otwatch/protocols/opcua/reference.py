"""The reference page of OPC UA, made of the tables that the dissector reads."""

from __future__ import annotations

from otwatch.markdown import bullets, code, table
from otwatch.protocols.opcua import spec

_COLUMNS = (
    ("function", "Id of the binary encoding of the request, in responses too; 1 hello, 2 error, 3 reverse hello, 4 an encrypted message."),
    ("subfunction", "Of `open_secure_channel` and `encrypted_message` the security policy, below; of `activate_session` the token: 0 anonymous, "
     "1 user name, 2 certificate, 3 issued, plus 16 on a channel without security, plus 32 where the password can be read; of `history_update` the "
     "id of its details."),
    ("area", "Namespace index of the node, plus 65536 where its identifier is a GUID, 131072 where it is opaque."),
    ("object", "Identifier of the node: its number, or the number that stands for its name. Of `call` the method."),
    ("start", "Attribute (13 is the value). Of `call` the number that stands for the object of the method; of `open_secure_channel` the mode: "
     "1 none, 2 sign, 3 sign and encrypt, where it can be read."),
    ("count", "Of browse results the references, of `publish` the notifications without a row of their own, of services on many items the items."),
    ("value", "The value written, read or reported, with its quality where that is not good; arguments of a method; endpoint; user name. Never a "
     "password."),
    ("item", "Place of the item in its message."),
    ("status", "`ok`, or `bad:NAME` of the item, else of the service. Good and uncertain sub codes are `ok`."),
    ("transaction", "Request id."),
    ("request_frame, latency_ns", "Of a response: its request, found by request id."),
)
_MEANINGS = (
    ("read", "BuildInfo and its parts (`i=2260` to `i=2266`)", "IDENTIFY"),
    ("write", "another attribute than the value, or a node of namespace 0", "CONFIGURE"),
    ("call", "standard methods of conditions, files, trust lists, roles and programs", "ALARM, FILE, CONFIGURE, START, STOP, RESTART"),
    ("publish", "a response with notifications", "REPORT"),
)
_FACTS = (
    ("application_name, application_uri, product_uri", "application descriptions: GetEndpoints, FindServers, CreateSession (of client and server)"),
    ("vendor, model, firmware, build, product_uri", "BuildInfo, read"),
    ("security_offered", "policy and mode of each endpoint"),
    ("certificate_subject, …_issuer, …_thumbprint, …_valid, …_uri, …_name", "certificates of OpenSecureChannel, CreateSession, GetEndpoints"),
    ("user, clear_text_credentials", "ActivateSession: the name, and that its password can be read"),
)
_LEFT_OUT = (
    ("What is inside encrypted messages", "counted by conversation, with policy and certificates of both sides"),
    ("Filters, history details, event fields, attributes of added nodes", "stepped over with bounds"),
    ("OPC UA over HTTPS, WebSockets and PubSub (UADP, MQTT)", "other transports"),
    ("Nodes of notifications whose subscription was made unseen", "their number is reported"),
)


def reference() -> str:
    """Markdown below the head of the page."""
    functions = [("function", "name", "action")]
    functions += [(str(number), code(name), action.name) for number, (name, action) in sorted([*spec.MESSAGES.items(), *spec.SERVICES.items()])]
    policies = [("number", "policy"), *((str(number), name) for number, (name, _) in enumerate(spec.POLICIES)), (str(spec.OTHER_POLICY), "any other")]
    return "\n".join((
        "Known by its message type, chunk type and length, and in the first messages by fields that fit. On any TCP port. Messages "
        "in several chunks are put together by request id before they are read. Messages on channels that sign are read; those on channels that "
        "encrypt are reported as encrypted, with who, the policy and how many.",
        "", "## Columns", "", table(("column", "holds"), *_COLUMNS),
        "", "## Functions", "", table(*functions),
        "", "## Security policies", "", table(*policies),
        "", "## Actions by node and attribute", "", table(("function", "of", "action"), *_MEANINGS),
        "", "## Facts", "", table(("fact", "from"), *_FACTS),
        "", "## Left out", "", bullets(*_LEFT_OUT),
    ))
