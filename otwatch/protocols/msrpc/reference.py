"""The reference page of DCE/RPC over TCP."""

from __future__ import annotations

from otwatch.protocols.kit.facts_page import facts_page
from otwatch.protocols.kit.rpc import ACTS, INTERFACES


def reference() -> str:
    """Markdown below the head of the page."""
    interfaces = ", ".join(dict.fromkeys(interface.name for interface in INTERFACES.values()))
    return facts_page(
        "Remote procedure calls of Windows over TCP 135 and the ports that it hands out: administration, WMI, OPC Classic.",
        (
            ("name, dns_name, domain, os_version, user, ntlm_version", "NTLM inside binds: as with SMB"),
        ),
        (
            ("What calls carry", "but names of services and tasks in clear text"),
            ("Calls split into fragments", "their first fragment counts, and the last one of the answer"),
            ("DCE/RPC over UDP", "is the page of dcerpc"),
        ),
        (
            ("rpc_interface", f"an interface that a client binds: {interfaces}"),
            (", ".join(ACTS), "a call of these interfaces that worked (encrypted ones: that was answered without a fault)"),
        ),
    )
