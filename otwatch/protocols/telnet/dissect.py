"""Lines and prompts of Telnet -> facts. What is typed after the prompt for a password is not looked at."""

from __future__ import annotations

import re
from dataclasses import dataclass

from otwatch.limits import Limits
from otwatch.protocols.kit.lines import is_line, text_of
from otwatch.protocols.kit.telling import Telling
from otwatch.protocols.spec import Fact
from otwatch.protocols.telnet.framing import IAC
from otwatch.tables import Anomalies, Operations, Pdus

_SUBNEGOTIATION, _SUB_END, _WILL = 0xFA, 0xF0, 0xFB
_PROMPT = re.compile(r"(?i)(login|user ?name|user|password|passcode) ?:$")
_REFUSED = re.compile(r"(?i)incorrect|fail|denied|invalid|wrong|bad |sorry|error")
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(slots=True)
class _Login:
    """What is known of a connection."""

    asked: str = ""  # for what the server asked: user, password, or whether the password was right: result
    user: str = ""
    prompted: bool = False  # a login was asked for: what the server says is no banner any more


class TelnetDissector:
    """State: how far the login of each connection is."""

    def __init__(self, _protocol: int, limits: Limits) -> None:
        self.telling = Telling("telnet", limits)
        self._logins: dict[int, _Login] = {}

    def feed(self, pdus: Pdus, _operations: Operations, _anomalies: Anomalies, facts: list[Fact]) -> None:
        """Appends the facts of a batch in PDU order."""
        for pdu in range(pdus.rows):
            self.telling.begin(pdus, pdu, facts)
            login = self._logins.setdefault(int(pdus.flow[pdu]), _Login())
            octets = pdus.octets.tobytes(pdus.start[pdu], pdus.end[pdu])
            if not octets.endswith((b"\r", b"\n", b":")) and not is_line(octets):
                continue
            octets = without_options(octets)
            if not pdus.direction[pdu]:
                self._typed(octets, login)
            elif text := _ESCAPES.sub("", text_of(octets)).strip():
                self._shown(text, login)

    def _typed(self, octets: bytes, login: _Login) -> None:
        typed = octets.strip(b"\0\r\n")
        if not typed:
            return
        telling = self.telling
        if login.asked == "user":
            login.user, login.asked = text_of(typed), ""
        elif login.asked == "password":
            login.asked = "result"
            telling.clear_text("Telnet", login.user, "login", server=telling.destination, client=telling.source)

    def _shown(self, text: str, login: _Login) -> None:
        telling = self.telling
        prompt = _PROMPT.search(text)
        if prompt is not None and not text.lower().startswith("last login"):
            login.asked, login.prompted = "password" if prompt[1].lower().startswith("pass") else "user", True
        elif login.asked == "result":
            login.asked = ""
            if _REFUSED.search(text) is None:
                telling.act(telling.source, telling.destination, "shell_opened", f"Telnet, as {login.user}" if login.user else "Telnet", "login")
        elif not login.prompted:
            telling.say(telling.source, "telnet_banner", text, "banner")

    def forget(self, flow: int) -> int:
        """The connection is over."""
        self._logins.pop(flow, None)
        self.telling.forget(flow)
        return 0


def without_options(octets: bytes) -> bytes:
    """The text without commands and options (RFC 854, RFC 855)."""
    if IAC not in octets:
        return octets
    text, at = bytearray(), 0
    while at < len(octets):
        if octets[at] != IAC:
            text.append(octets[at])
            at += 1
            continue
        command = octets[at + 1] if at + 1 < len(octets) else 0
        if command == _SUBNEGOTIATION:
            end = octets.find(bytes([IAC, _SUB_END]), at)
            at = end + 2 if end >= 0 else len(octets)
        else:
            at += 3 if command >= _WILL else 2
    return bytes(text)
