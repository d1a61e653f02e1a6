"""NTLMSSP (MS-NLMP 2.2.1), wherever it rides: who a server says that it is, and who logs in from which host. Never what proves it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from otwatch.protocols.kit.telling import utf16

SIGNATURE: Final = b"NTLMSSP\0"
CHALLENGE, AUTHENTICATE = 2, 3
_UNICODE, _EXTENDED, _VERSION = 0x1, 0x80000, 0x02000000  # of the negotiate flags
_COMPUTER, _DOMAIN, _DNS_COMPUTER, _DNS_DOMAIN = 1, 2, 3, 4  # of the pairs of a target info, MS-NLMP 2.2.2.1
_PAIRS: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Ntlm:
    """A message; fields that it does not have are empty. `computer` and `domain` are the sender's own of a challenge, the user's of an answer."""

    kind: int
    computer: str = ""
    domain: str = ""
    dns_name: str = ""
    dns_domain: str = ""
    user: str = ""
    windows: str = ""  # "10.0 build 17763" of who sends it
    old: bool = False  # an answer of NTLM version 1

    def facts(self) -> list[tuple[str, str]]:
        """(kind, value) about who sends it."""
        named = ("name", self.computer), ("dns_name", self.dns_name), ("domain", self.domain if self.kind == CHALLENGE else "")
        user = f"{self.domain}\\{self.user}" if self.domain and self.user else self.user
        system, version = f"Windows {self.windows}" if self.windows else "", "NTLMv1" if self.old else ""
        return [*named, ("os_version", system), ("user", user), ("ntlm_version", version)]


def find_ntlm(octets: bytes) -> Ntlm | None:
    """The first message in the bytes (inside SPNEGO, an RPC trailer, …) that names somebody; None where there is none."""
    at = octets.find(SIGNATURE)
    if at < 0 or len(octets) < at + 12:
        return None
    octets = octets[at:]
    kind = int.from_bytes(octets[8:12], "little")
    if kind == CHALLENGE and len(octets) >= 48:
        return _challenge(octets)
    if kind == AUTHENTICATE and len(octets) >= 64:
        return _authenticate(octets)
    return None


def _challenge(octets: bytes) -> Ntlm:
    flags = int.from_bytes(octets[20:24], "little")
    pairs: dict[int, str] = {}
    info, at = _field(octets, 40), 0
    for _ in range(_PAIRS):
        number, size = int.from_bytes(info[at : at + 2], "little"), int.from_bytes(info[at + 2 : at + 4], "little")
        if number == 0 or at + 4 + size > len(info):
            break
        if number <= _DNS_DOMAIN:
            pairs.setdefault(number, utf16(info[at + 4 : at + 4 + size]))
        at += 4 + size
    return Ntlm(
        kind=CHALLENGE, computer=pairs.get(_COMPUTER, ""), domain=pairs.get(_DOMAIN, ""), dns_name=pairs.get(_DNS_COMPUTER, ""),
        dns_domain=pairs.get(_DNS_DOMAIN, ""), windows=_version(octets[48:56]) if flags & _VERSION else "",
    )


def _authenticate(octets: bytes) -> Ntlm:
    flags = int.from_bytes(octets[60:64], "little")
    text = utf16 if flags & _UNICODE else lambda octets: octets.decode("latin-1").partition("\0")[0]
    answer = _field(octets, 20)
    return Ntlm(
        kind=AUTHENTICATE, domain=text(_field(octets, 28)), user=text(_field(octets, 36)), computer=text(_field(octets, 44)),
        windows=_version(octets[64:72]) if flags & _VERSION else "",
        old=len(answer) == 24 and not flags & _EXTENDED,
    )


def _field(octets: bytes, at: int) -> bytes:
    """What length and offset at that place point to; empty where it is not there."""
    size, where = int.from_bytes(octets[at : at + 2], "little"), int.from_bytes(octets[at + 4 : at + 8], "little")
    return octets[where : where + size] if where + size <= len(octets) else b""


def _version(octets: bytes) -> str:
    """MS-NLMP 2.2.2.10. Servers that are no Windows fill in some number of it, without a build."""
    build = int.from_bytes(octets[2:4], "little")
    return f"{octets[0]}.{octets[1]} build {build}" if len(octets) >= 4 and 5 <= octets[0] <= 10 and 0 < build < 0xFFFF else ""
