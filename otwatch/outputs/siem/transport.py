"""Ways to a SIEM: UDP, TCP and TLS syslog, and HTTPS POST. These are the only sockets of otwatch that send, and never on a capture interface."""

from __future__ import annotations

import fcntl
import http.client
import socket
import ssl
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import parse_qs, urlsplit

from otwatch.errors import CaptureError
from otwatch.outputs.siem.bodies import BODIES
from otwatch.outputs.siem.rfc5424 import FRAMINGS

_SIOCOUTQ: Final = 0x5411  # bytes in the send queue that the peer has not acknowledged; Linux, tcp(7)
_TIMEOUT_SECONDS: Final = 10.0
_UNCONFIRMED_MILLISECONDS: Final = 30_000  # a receiver that vanished, or takes nothing more, is a broken connection after that; else after 15 minutes
_DATAGRAM_PAUSE_SECONDS: Final = 0.005  # a receiver that just starts holds about 90 datagrams in its socket, and drops the rest unsaid
_PORTS: Final = {"udp": 514, "tcp": 601, "tls": 6514, "https": 443, "http": 80}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A destination as the user wrote it: `tls://siem.example:6514?format=cef&ca=/etc/otwatch/ca.pem`."""

    url: str
    scheme: str  # udp | tcp | tls | https | http
    host: str
    port: int
    path: str = "/"
    format: str = "cef"
    ca: str = ""
    certificate: str = ""  # client certificate and key, PEM
    key: str = ""
    server_name: str = ""  # name to check when it differs from host
    facility: int = 16
    framing: str = "octets"  # of a stream: octets (RFC 6587 section 3.4.1) or lf (3.4.2)
    events: str = "incidents"  # incidents: alerts that belong to one stay here; all: they are sent, too

    def wants(self, record: Mapping[str, Any]) -> bool:
        """Whether a record is sent here: an alert of an incident only where all events are asked for."""
        return self.events == "all" or record.get("type") != "alert" or not record.get("incident")

    @property
    def place(self) -> str:
        """What messages call it: without path and settings, which may hold a secret."""
        return f"{self.scheme}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def id(self) -> str:
        """A file-name-safe identity for its cursor."""
        return "".join(
            character if character.isalnum() or character in "-." else "_"
            for character in f"{self.scheme}_{self.host}_{self.port}{self.path}_{self.format}"
        )[:120]


def parse_target(url: str) -> Target:
    """Reads a destination URL; CaptureError says what is wrong with it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise CaptureError(f"{url}: not a destination: {error}") from error
    if parts.scheme not in _PORTS or not parts.hostname:
        raise CaptureError(f"{url}: not a destination: write udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT or https://HOST/PATH")
    query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    known = {"format", "ca", "cert", "key", "server_name", "facility", "framing", "events"}
    unknown = sorted(set(query) - known)
    if unknown:
        raise CaptureError(f"{url}: unknown setting {unknown[0]!r}: known are {', '.join(sorted(known))}")
    form = query.get("format", "json" if parts.scheme.startswith("http") else "cef")
    if form not in BODIES:
        raise CaptureError(f"{url}: unknown format {form!r}: use one of {', '.join(BODIES)}")
    facility = query.get("facility", "16")
    if not facility.isdigit() or int(facility) > 23:
        raise CaptureError(f"{url}: facility is a number from 0 to 23 (16 is local0)")
    framing = query.get("framing", "octets")
    if framing not in FRAMINGS:
        raise CaptureError(f"{url}: unknown framing {framing!r}: octets (octet counting) or lf (one line per message)")
    if framing != "octets" and parts.scheme not in ("tcp", "tls"):
        raise CaptureError(f"{url}: framing is a setting of tcp:// and tls:// only")
    events = query.get("events", "incidents")
    if events not in ("incidents", "all"):
        raise CaptureError(f"{url}: unknown events {events!r}: incidents (their alerts stay with the sensor) or all")
    return Target(
        url=url,
        scheme=parts.scheme,
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        path=parts.path or "/",
        format=form,
        ca=query.get("ca", ""),
        certificate=query.get("cert", ""),
        key=query.get("key", ""),
        server_name=query.get("server_name", ""),
        facility=int(facility),
        framing=framing,
        events=events,
    )


class Refused(Exception):
    """The receiver will never take this event, however often it is sent: it must not hold up the others."""


class Transport(Protocol):
    """One open connection. Every method may raise OSError: the delivery then reconnects and sends again from what is sure."""

    def send(self, message: bytes) -> None:
        """Hands one message to the kernel."""

    def unacknowledged_bytes(self) -> int:
        """Bytes that the peer's kernel has not confirmed; 0 where that cannot be known."""

    def close(self) -> None:
        """Lets go of the connection."""


def connect(target: Target) -> Transport:
    """Opens a connection; OSError (ssl.SSLError among them) when that fails."""
    if target.scheme == "udp":
        return _Datagrams(target)
    if target.scheme in ("http", "https"):
        return _Post(target)
    return _Stream(target)


def tls_context(target: Target) -> ssl.SSLContext:
    """TLS 1.2 or newer, certificate and host name checked (RFC 5425 section 4.2); a CA file of the user replaces the system's."""
    try:
        context = ssl.create_default_context(cafile=target.ca or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if target.certificate:
            context.load_cert_chain(target.certificate, target.key or None)
    except (OSError, ssl.SSLError) as error:
        raise OSError(f"certificate files of {target.url}: {error}") from error
    return context


class _Datagrams:
    """RFC 5426. A refused port is told by the kernel at the next send."""

    def __init__(self, target: Target) -> None:
        family, kind, number, _, address = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_DGRAM)[0]
        self._socket = socket.socket(family, kind, number)
        self._socket.settimeout(_TIMEOUT_SECONDS)
        self._socket.connect(address)

    def send(self, message: bytes) -> None:
        self._socket.send(message)
        time.sleep(_DATAGRAM_PAUSE_SECONDS)

    def unacknowledged_bytes(self) -> int:
        error = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, "the receiver refused the datagram")
        return 0

    def close(self) -> None:
        self._socket.close()


class _Stream:
    """RFC 6587 over TCP, octet counting or lines; RFC 5425 over TLS. What the peer sends is read and ignored; its end of stream is an error."""

    def __init__(self, target: Target) -> None:
        self._framed = FRAMINGS[target.framing]
        plain = socket.create_connection((target.host, target.port), timeout=_TIMEOUT_SECONDS)
        try:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNCONFIRMED_MILLISECONDS)
            self._socket = plain
            if target.scheme == "tls":
                self._socket = tls_context(target).wrap_socket(plain, server_hostname=target.server_name or target.host)
        except BaseException:
            plain.close()
            raise

    def send(self, message: bytes) -> None:
        self._socket.settimeout(_TIMEOUT_SECONDS)
        self._socket.sendall(self._framed(message))

    def unacknowledged_bytes(self) -> int:
        self._socket.setblocking(False)
        try:
            if self._socket.recv(4096) == b"":
                raise ConnectionResetError("the receiver closed the connection")
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        finally:
            self._socket.settimeout(_TIMEOUT_SECONDS)
        return int(struct.unpack("i", fcntl.ioctl(self._socket.fileno(), _SIOCOUTQ, b"\0" * 4))[0])

    def close(self) -> None:
        self._socket.close()


class _Post:
    """One POST per event; only a 2xx answer counts as delivered."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._connection = (
            http.client.HTTPSConnection(target.host, target.port, timeout=_TIMEOUT_SECONDS, context=tls_context(target))
            if target.scheme == "https"
            else http.client.HTTPConnection(target.host, target.port, timeout=_TIMEOUT_SECONDS)
        )

    def send(self, message: bytes) -> None:
        try:
            self._connection.request("POST", self._target.path, body=message, headers={"Content-Type": "application/json", "User-Agent": "otwatch"})
            response = self._connection.getresponse()
            response.read(65_536)
        except http.client.HTTPException as error:
            raise OSError(f"no proper HTTP answer: {error}") from error
        if response.status in (400, 413, 422):
            raise Refused(f"HTTP {response.status} {response.reason}")
        if not 200 <= response.status < 300:
            raise OSError(f"HTTP {response.status} {response.reason}")

    def unacknowledged_bytes(self) -> int:
        return 0

    def close(self) -> None:
        self._connection.close()
