"""The reference page of SMB."""

from __future__ import annotations

from otwatch.protocols.kit.facts_page import facts_page
from otwatch.protocols.kit.rpc import ACTS, INTERFACES


def reference() -> str:
    """Markdown below the head of the page."""
    interfaces = ", ".join(dict.fromkeys(interface.name for interface in INTERFACES.values()))
    return facts_page(
        "File sharing of Windows: SMB 1, 2 and 3 over TCP 445 and 139, with the logins (NTLM) and the pipes of Windows administration in it.",
        (
            ("smb_dialect", "of the server: the version that it chose"),
            ("name, dns_name, domain", "NTLM challenge (of the server), authenticate (name of the client); NetBIOS session request (name of both)"),
            ("os_version", "NTLM: version and build of Windows; not of servers that are none (Samba has no build)"),
            ("os, lan_manager", "SMB 1 session setup: of either side"),
            ("user", "NTLM authenticate, SMB 1 session setup: who logs in, of the client"),
            ("ntlm_version", "NTLM authenticate: only where it is version 1, of the client"),
        ),
        (
            ("Encrypted SMB 3", "dialect and login are in clear text before it; what is done is not seen"),
            ("Contents of files", "never read; nor are reads, deletions and directories"),
            ("Kerberos logins", "their tickets are not read"),
            ("Passwords, hashes, answers of NTLM", "not kept anywhere"),
            ("Requests without an answer", "are no acts: what was not confirmed is not reported as done"),
        ),
        (
            ("share_opened", "tree connect: the share"),
            ("file_written", "a file created or overwritten, or the first write to an open one that the server took: share and path"),
            ("rpc_interface", f"an interface bound over a pipe: {interfaces}"),
            (", ".join(ACTS), "a call of these interfaces that worked; name and program of a service, path of a task where that is in clear text"),
        ),
    )
