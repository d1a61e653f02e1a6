"""The reference page of TLS on ports of OT protocols."""

from __future__ import annotations

from otwatch.markdown import bullets, code, table
from otwatch.protocols.kit.tls import PORTS
from otwatch.protocols.tls import FUNCTIONS

_COLUMNS = (
    ("function", "1 hello of either side, 21 a fatal alert in clear text, 23 a record of encrypted data."),
    ("subfunction", "Of a hello the version: the highest that the client offers, the one that the server chose (771 TLS 1.2, 772 TLS 1.3)."),
    ("value", "Of a client's hello the server name that it asks for (SNI)."),
    ("status", "The description of an alert."),
    ("request_frame, latency_ns", "Of a server's hello: the client's."),
)
_LEFT_OUT = (
    ("What is inside", "it is encrypted; records are counted by conversation"),
    ("Certificates of TLS 1.3", "they are encrypted, too"),
    ("TLS on other ports", "is not an OT protocol: its handshakes make facts; S7comm-plus in TLS on port 102 is on the page of S7comm-plus"),
    ("DTLS", "counted as traffic that is not read"),
)


def reference() -> str:
    """Markdown below the head of the page."""
    ports = [("port", "what is inside"), *((str(number), name) for number, name in PORTS.items())]
    functions = [("function", "name", "action"), *((str(number), code(name), action.name) for number, (name, action) in FUNCTIONS.items())]
    return "\n".join((
        "Only on the ports below. The hellos and certificates are read; what follows is encrypted, and reported as such with who and how much.",
        "", "## Ports", "", table(*ports),
        "", "## Columns", "", table(("column", "holds"), *_COLUMNS),
        "", "## Functions", "", table(*functions),
        "", "## Facts", "", "Those of [TLS handshakes](tls_handshake.md), on these ports, too.",
        "", "## Left out", "", bullets(*_LEFT_OUT),
    ))
