"""Lines of FTP -> facts: who logs in with a password that anybody can read, which files come and go. The password goes nowhere."""

from __future__ import annotations

from dataclasses import dataclass

from otwatch.limits import Limits
from otwatch.protocols.kit.lines import is_line, text_of
from otwatch.protocols.kit.telling import Telling
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Operations, Pdus

_TRANSFERS = {"STOR": "file_written", "STOU": "file_written", "APPE": "file_written", "RETR": "file_read", "DELE": "file_deleted"}
_ANONYMOUS = frozenset({"anonymous", "ftp"})


@dataclass(slots=True)
class _Login:
    """What is known of a connection."""

    user: str = ""
    last: str = ""  # the command that waits for its reply
    argument: str = ""
    folder: str = ""
    greeted: bool = False


class FtpDissector:
    """State: the login and the command under way of each connection."""

    def __init__(self, _protocol: int, limits: Limits) -> None:
        self.telling = Telling("ftp", limits)
        self._characters = limits.text_characters
        self._logins: dict[int, _Login] = {}

    def feed(self, pdus: Pdus, _operations: Operations, _anomalies: Anomalies, facts: list[Fact]) -> None:
        """Appends the facts of a batch in PDU order."""
        for pdu in range(pdus.rows):
            self.telling.begin(pdus, pdu, facts)
            login = self._logins.setdefault(int(pdus.flow[pdu]), _Login())
            line = pdus.octets.tobytes(pdus.start[pdu], pdus.end[pdu])
            if not is_line(line):
                continue
            text = text_of(line)
            if pdus.direction[pdu]:
                self._reply(text, login)
            else:
                self._command(text, login)

    def _command(self, text: str, login: _Login) -> None:
        command, _, argument = text.partition(" ")
        command, argument = command.upper(), argument[: self._characters]
        login.last, login.argument = command, "" if command == "PASS" else argument
        if command == "USER":
            login.user = argument
        elif command == "PASS" and login.user.lower() not in _ANONYMOUS:
            self.telling.clear_text("FTP", login.user, "pass", server=self.telling.destination, client=self.telling.source)

    def _reply(self, text: str, login: _Login) -> None:
        telling, code = self.telling, text[:3]
        if not code.isdigit() or text[3:4] == "-" or text[:4].isdigit():
            return  # a line of several: the last one counts
        if code == "220" and not login.greeted:
            telling.say(telling.source, "ftp_banner", text[4:], "greeting")
        elif code == "215":
            telling.say(telling.source, "ftp_system", text[4:], "syst")
        elif code == "230" and login.user.lower() in _ANONYMOUS:
            telling.say(telling.source, "anonymous_login", "FTP", "login")
        elif code in ("226", "250") and login.last in _TRANSFERS:
            telling.act(telling.source, telling.destination, _TRANSFERS[login.last], login.argument, login.last.lower())
        login.greeted = True
        if code[0] != "1":
            login.last = ""

    def forget(self, flow: int) -> int:
        """The connection is over."""
        self._logins.pop(flow, None)
        self.telling.forget(flow)
        return 0
