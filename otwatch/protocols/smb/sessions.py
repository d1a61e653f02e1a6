"""What one SMB connection is known to hold: shares, open files, pipes with RPC in them, and requests that wait. Capped; the same for SMB 1 and 2."""

from __future__ import annotations

from dataclasses import dataclass, field

from otwatch.protocols.kit.ntlm import AUTHENTICATE, Ntlm, find_ntlm
from otwatch.protocols.kit.rpc import Calls
from otwatch.protocols.kit.telling import Telling

_MOST = 1_024  # shares, files, requests of one connection


@dataclass(slots=True)
class File:
    """An open file or pipe."""

    name: str  # share and path
    calls: Calls | None = None  # of a pipe
    written: bool = False


@dataclass(slots=True)
class Session:
    """One connection."""

    shares: dict[int, str] = field(default_factory=dict)  # tree id -> name
    files: dict[bytes, File] = field(default_factory=dict)
    waiting: dict[int, tuple[int, bytes, str]] = field(default_factory=dict)  # message id -> (command, file id, text)
    dialects: tuple[str, ...] = ()  # that an SMB 1 client offers
    last: bytes = b""  # the file that was opened last: what a chain of SMB 2 requests goes on with

    def wait(self, message: int, command: int, place: bytes, text: str) -> None:
        """A request whose response is of interest."""
        if len(self.waiting) >= _MOST:
            del self.waiting[next(iter(self.waiting))]
        self.waiting[message] = command, place, text

    def connected(self, tree: int, path: str, telling: Telling) -> None:
        """A client uses a share (the sender is the server)."""
        share = path.rpartition("\\")[2]
        if len(self.shares) < _MOST:
            self.shares[tree] = share
        telling.act(telling.source, telling.destination, "share_opened", share, "tree_connect")

    def opened(self, place: bytes, name: str) -> None:
        """A file is open; on the share of pipes it is one, which may hold RPC."""
        if len(self.files) >= _MOST:
            del self.files[next(iter(self.files))]
        share = name.partition("\\")[0]
        self.files[place] = File(name, Calls() if share.upper() == "IPC$" else None)
        self.last = place

    def wrote(self, place: bytes, telling: Telling, message: str) -> None:
        """The server took bytes for a file."""
        known = self.files.get(place)
        if known is not None and known.calls is None and not known.written:
            known.written = True
            telling.act(telling.source, telling.destination, "file_written", known.name, message)

    def pipe(self, place: bytes, octets: bytes, telling: Telling, *, request: bool) -> None:
        """Bytes through a pipe."""
        known = self.files.get(place)
        if known is None or known.calls is None or not octets:
            return
        if (ntlm := find_ntlm(octets)) is not None:
            tell_ntlm(ntlm, telling)
        server, client = (telling.destination, telling.source) if request else (telling.source, telling.destination)
        for kind, value in known.calls.feed(0 if request else 1, octets):
            telling.act(server, client, kind, value, f"pipe_{known.name.rpartition(chr(92))[2]}"[:32])


def tell_ntlm(ntlm: Ntlm, telling: Telling) -> None:
    """What the sender of an NTLM message says of itself."""
    message = "ntlm_authenticate" if ntlm.kind == AUTHENTICATE else "ntlm_challenge"
    for kind, value in ntlm.facts():
        telling.say(telling.source, kind, value, message)
