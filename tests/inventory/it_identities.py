"""What tshark prints of the identities of IT protocols: the same triples as `identities`, which compares them with the assets on which they stand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Final

Said = tuple[str, str, str]  # address, kind, value
Fields = Callable[[Path, str, Iterable[str]], Iterator[list[list[str]]]]
DIALECTS: Final = {"0x0202": "SMB 2.0.2", "0x0210": "SMB 2.1", "0x0300": "SMB 3.0", "0x0302": "SMB 3.0.2", "0x0311": "SMB 3.1.1"}
VNC: Final = {"1": "none", "2": "VNC password", "16": "Tight", "18": "TLS", "19": "VeNCrypt", "5": "RA2", "6": "RA2ne"}
KINDS: Final = frozenset({
    "http_server", "user_agent", "http_host", "ssh_version", "ftp_banner", "smb_dialect", "dns_name", "domain", "os_version", "os", "lan_manager",
    "user", "mqtt_client_id", "vnc_version", "vnc_security", "telnet_banner", "server_name",
})


def _text(values: list[str]) -> str:
    return values[0].strip(" \t\0")[:256].strip() if values else ""


def http(capture: Path, fields: Fields) -> Iterator[Said]:
    """Fields of heads. tshark prints those of every request of a connection; which we read is bounded, so a value counts where it was seen first."""
    names = ["http.server", "http.user_agent", "http.host"]
    for source, destination, server, agent, host in fields(capture, "tcp && (http.request || http.response)", names):
        yield source[-1], "http_server", _text(server)
        yield source[-1], "user_agent", _text(agent)
        if host and not _is_address(host[0].strip()):
            yield f"?{destination[-1]}", "http_host", _text(host)  # who never sends is no asset


def ssh(capture: Path, fields: Fields) -> Iterator[Said]:
    """The version lines."""
    for source, _, line in fields(capture, "ssh.protocol", ["ssh.protocol"]):
        yield source[-1], "ssh_version", _text(line).replace("\\r\\n", "").strip()


def ftp(capture: Path, fields: Fields) -> Iterator[Said]:
    """The greeting."""
    seen = set()
    for source, _, stream, code, text in fields(capture, "ftp.response.code == 220", ["tcp.stream", "ftp.response.code", "ftp.response.arg"]):
        if stream[0] not in seen and code:
            seen.add(stream[0])
            yield source[-1], "ftp_banner", _text(text)


def ntlm(capture: Path, fields: Fields) -> Iterator[Said]:
    """Challenges and authentications."""
    names = [
        "ntlmssp.messagetype", "ntlmssp.challenge.target_info.nb_computer_name", "ntlmssp.challenge.target_info.dns_computer_name",
        "ntlmssp.challenge.target_info.nb_domain_name", "ntlmssp.auth.username", "ntlmssp.auth.domain", "ntlmssp.auth.hostname",
        "ntlmssp.version.major", "ntlmssp.version.minor", "ntlmssp.version.build_number",
    ]
    for source, _, kind, computer, dns, domain, user, of, host, major, minor, build in fields(capture, "ntlmssp", names):
        if kind and int(kind[0], 0) == 2:
            yield source[-1], "name", _text(computer)
            yield source[-1], "dns_name", _text(dns)
            yield source[-1], "domain", _text(domain)
        elif kind and int(kind[0], 0) == 3:
            one, two = (_text(values).replace("NULL", "") for values in (user, of))
            yield source[-1], "user", f"{two}\\{one}" if two else one
            yield source[-1], "name", _text(host).replace("NULL", "")
        if kind and int(kind[0], 0) in (2, 3) and build and 0 < int(build[0]) < 0xFFFF and 5 <= int(major[0]) <= 10:
            yield source[-1], "os_version", f"Windows {major[0]}.{minor[0]} build {build[0]}"


def smb2(capture: Path, fields: Fields) -> Iterator[Said]:
    """What the server chose."""
    for source, _, dialect in fields(capture, "smb2.cmd == 0 && smb2.flags.response == 1 && smb2.nt_status == 0", ["smb2.dialect"]):
        if dialect and dialect[0].lower() in DIALECTS:
            yield source[-1], "smb_dialect", DIALECTS[dialect[0].lower()]


def smb(capture: Path, fields: Fields) -> Iterator[Said]:
    """The dialect, and native names of session setups."""
    offered: dict[str, list[str]] = {}
    for source, _, stream, names, index in fields(capture, "smb.cmd == 0x72", ["tcp.stream", "smb.dialect.name", "smb.dialect.index"]):
        if index and int(index[0]) < len(offered.get(stream[0], ())):
            yield source[-1], "smb_dialect", f"SMB 1 ({offered[stream[0]][int(index[0])]})"
        elif names:
            offered[stream[0]] = names
    for source, _, system, manager, account, domain in fields(
        capture, "smb.cmd == 0x73", ["smb.native_os", "smb.native_lanman", "smb.account", "smb.primary_domain"]
    ):
        yield source[-1], "os", _text(system)
        yield source[-1], "lan_manager", _text(manager)
        if account:
            yield source[-1], "user", f"{_text(domain)}\\{_text(account)}" if _text(domain) else _text(account)


def rdp(capture: Path, fields: Fields) -> Iterator[Said]:
    """The cookie, and the name in the settings."""
    for source, _, cookie, name in fields(capture, "rdp", ["rdp.rt_cookie", "rdp.client.name"]):
        found = re.search(r"mstshash=(.*)", _text(cookie))
        yield source[-1], "user", found[1] if found else ""
        yield source[-1], "name", _text(name)


def vnc(capture: Path, fields: Fields) -> Iterator[Said]:
    """Versions and security types."""
    names = ["vnc.server_proto_ver", "vnc.client_proto_ver", "vnc.security_type"]
    for source, _, server, client, types in fields(capture, "vnc", names):
        for version in (server, client):
            yield source[-1], "vnc_version", f"RFB {_text(version).strip()}" if version else ""
        for one in types:
            yield source[-1], "vnc_security", VNC.get(str(int(one, 0)), f"type {int(one, 0)}")


def mqtt(capture: Path, fields: Fields) -> Iterator[Said]:
    """Client identifiers and user names."""
    for source, _, client, user in fields(capture, "mqtt.msgtype == 1", ["mqtt.clientid", "mqtt.username"]):
        for one in client:
            yield source[-1], "mqtt_client_id", one.strip()
        for one in user:
            yield source[-1], "user", one.strip()


def telnet(capture: Path, fields: Fields) -> Iterator[Said]:
    """The lines of the server before it first prompts."""
    prompted = set()
    for source, _, stream, port, lines in fields(capture, "telnet.data", ["tcp.stream", "tcp.srcport", "telnet.data"]):
        for line in lines if port[0] == "23" else ():
            if re.search(r"(?i)(login|name|password): ?$", line):
                prompted.add(stream[0])
            elif stream[0] not in prompted:
                yield source[-1], "telnet_banner", _text([line.replace("\\r\\n", "")])


def tls(capture: Path, fields: Fields) -> Iterator[Said]:
    """The name that a client asks its server for."""
    chosen = "tcp && tls.handshake.type == 1 && !eap"
    for _, destination, names in fields(capture, chosen, ["tls.handshake.extensions_server_name"]):
        yield f"?{destination[-1]}", "server_name", _text(names)


def _is_address(host: str) -> bool:
    name = host[1:].partition("]")[0] if host.startswith("[") else host.rpartition(":")[0] if host.count(":") == 1 else host
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


READERS: Final = {"http": http, "ssh": ssh, "ftp": ftp, "ntlmssp": ntlm, "smb2": smb2, "smb": smb, "rdp": rdp, "vnc": vnc, "mqtt": mqtt,
                  "telnet": telnet, "tls": tls}
