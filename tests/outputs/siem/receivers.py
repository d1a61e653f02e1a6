"""Real receivers for the tests: rsyslog, and syslog-ng where it was unpacked, on loopback, each writing what it parsed as JSON lines."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from otwatch.outputs.siem.event import Event, Sensor

SENSOR = Sensor(name="sensor-7", version="0.1.0", interface="span0")
_MODULES = Path("/usr/lib/x86_64-linux-gnu/rsyslog")


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], Any], seconds: float = 120.0) -> Any:
    """The first true value of a condition; the last one when time is up: long enough for a machine under load, as no test waits in vain."""
    end = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    return value


def _open_port(process: int, protocol: str, port: int, state: str) -> bool:
    """Whether a socket of the process's namespace has that port and state (Linux, proc_net_tcp: 0A listening; 07 an unconnected UDP socket)."""
    try:
        lines = Path(f"/proc/{process}/net/{protocol}").read_text().splitlines()[1:]
    except OSError:  # it has ended
        return False
    return any(fields[1].endswith(f":{port:04X}") and fields[3] == state for fields in (line.split() for line in lines))


class Authority:
    """A certificate authority made with openssl, for one test run."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("openssl") is None:
            pytest.skip("openssl is not installed")
        self.folder = folder
        self.ca = folder / "ca.pem"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=otwatch test CA",
                      "-keyout", "ca.key", "-out", "ca.pem")

    def certificate(self, name: str, *, alternative: str = "") -> tuple[Path, Path]:
        """(certificate, key) of a name."""
        extension = self.folder / f"{name}.ext"
        extension.write_text(f"subjectAltName={alternative or f'DNS:{name}'}\n")
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key",
                      "-out", f"{name}.csr")
        self._openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30",
                      "-extfile", f"{name}.ext", "-out", f"{name}.pem")
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)


class Receiver:
    """A syslog server as a child process, in a network namespace if one is named. `file` holds one JSON object per message it understood."""

    def __init__(self, folder: Path, *, namespace: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._inside = ["ip", "netns", "exec", namespace] if namespace else []
        self.file = folder / "received.jsonl"
        self.ports = {"udp": free_port(socket.SOCK_DGRAM), "tcp": free_port(), "tls": free_port()}
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen([*self._inside, *self.command()], stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.environment())
        self.process = process
        wait_for(lambda: self._ready() or process.poll() is not None)
        if not self._ready():
            self.stop()
            raise AssertionError(f"{type(self).__name__} did not start: {(self.folder / 'log').read_text()}")

    def _ready(self) -> bool:
        """Looked up, not tried: a trial bind takes the port at the moment the server wants it."""
        assert self.process is not None
        return _open_port(self.process.pid, "tcp", self.ports["tcp"], "0A") and _open_port(self.process.pid, "udp", self.ports["udp"], "07")

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(timeout=60)
            self.process = None

    def file_of(self, scheme: str) -> Path:
        """What came by one way only."""
        return self.folder / f"received-{scheme}.jsonl"

    def received(self, scheme: str = "") -> list[dict[str, Any]]:
        file = self.file_of(scheme) if scheme else self.file
        if not file.exists():
            return []
        return [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line.endswith("}")]

    def sequences(self) -> list[int]:
        return [structured_data(message["sd"])["otwatch@32473"]["seq"] for message in self.received()]


class Rsyslog(Receiver):
    """rsyslogd with its default parser, tabs kept (LEEF needs them)."""

    def __init__(self, folder: Path, authority: Authority | None = None, *, certificate_name: str = "localhost", client_name: str = "",
                 namespace: str = "") -> None:
        super().__init__(folder, namespace=namespace)
        if shutil.which("rsyslogd") is None:
            pytest.skip("rsyslog is not installed")
        if authority is not None and not (_MODULES / "lmnsd_gtls.so").exists():
            pytest.skip("rsyslog-gnutls is not installed")
        tls = ""
        if authority is not None:
            certificate, key = authority.certificate(certificate_name)
            peers = f'StreamDriver.AuthMode="x509/name" PermittedPeer=["{client_name}"]' if client_name else 'StreamDriver.AuthMode="anon"'
            tls = f'''
global(DefaultNetstreamDriverCAFile="{authority.ca}" DefaultNetstreamDriverCertFile="{certificate}" DefaultNetstreamDriverKeyFile="{key}")
input(type="imtcp" port="{self.ports['tls']}" address="127.0.0.1" ruleset="tls" StreamDriver.Name="gtls" StreamDriver.Mode="1" {peers})'''
        properties = {"pri": "pri", "time": 'timereported" dateFormat="rfc3339', "host": "hostname", "app": "app-name", "procid": "procid",
                      "msgid": "msgid", "sd": "structured-data", "msg": "msg"}
        fields = '\n  constant(value=",")\n'.join(f'  property(outname="{name}" name="{source}" format="jsonf")'
                                                 for name, source in properties.items())
        write = 'action(type="omfile" file="{}" template="json" asyncWriting="off" flushOnTXEnd="on")'
        rulesets = "\n".join(f'ruleset(name="{name}") {{ {write.format(self.file)} {write.format(self.file_of(name))} }}' for name in self.ports)
        (folder / "rsyslog.conf").write_text(f'''
global(workDirectory="{folder}" parser.escapeControlCharacterTab="off")
module(load="imudp")
module(load="imtcp")
template(name="json" type="list") {{
  constant(value="{{")
{fields}
  constant(value="}}\\n")
}}
{rulesets}
input(type="imudp" port="{self.ports['udp']}" address="127.0.0.1" ruleset="udp")
input(type="imtcp" port="{self.ports['tcp']}" address="127.0.0.1" ruleset="tcp"){tls}
''')

    def command(self) -> list[str]:
        return ["rsyslogd", "-n", "-f", str(self.folder / "rsyslog.conf"), "-i", str(self.folder / "rsyslog.pid")]


class SyslogNg(Receiver):
    """syslog-ng, installed or unpacked: it cannot be installed beside rsyslog, so `.ci/run` unpacks its packages into a folder."""

    def __init__(self, folder: Path, authority: Authority, *, namespace: str = "") -> None:
        super().__init__(folder, namespace=namespace)
        unpacked = Path(os.environ.get("OTWATCH_SYSLOG_NG", Path(__file__).parents[3] / ".syslog-ng"))
        self._program = str(unpacked / "usr/sbin/syslog-ng") if unpacked.is_dir() else shutil.which("syslog-ng") or ""
        if not self._program:
            pytest.skip("syslog-ng is neither installed nor unpacked in .syslog-ng (OTWATCH_SYSLOG_NG)")
        self._libraries = sorted({str(path.parent) for path in unpacked.rglob("lib*.so*")}) if unpacked.is_dir() else []
        certificate, key = authority.certificate("localhost")
        names = {"pri": "PRI", "time": "R_ISODATE", "host": "HOST", "app": "PROGRAM", "procid": "PID", "msgid": "MSGID", "sd": "SDATA", "msg": "MSG"}
        pairs = " ".join(f'{name}=\\"${macro}\\"' for name, macro in names.items())
        tls = f' tls(cert-file("{certificate}") key-file("{key}") peer-verify(optional-untrusted))'
        template = f'template("$(format-json {pairs})\\n") flush-lines(1)'
        ways = "\n".join(
            f'log {{ source {{ syslog(ip("127.0.0.1") port({port}) transport("{scheme}"){tls if scheme == "tls" else ""}); }};'
            f' destination(d_all); destination {{ file("{self.file_of(scheme)}" {template}); }}; }};'
            for scheme, port in self.ports.items())
        (folder / "syslog-ng.conf").write_text(f'''@version: 3.38
options {{ keep-hostname(yes); create-dirs(yes); log-msg-size(65536); stats-freq(0); }};
destination d_all {{ file("{self.file}" {template}); }};
{ways}
''')

    def command(self) -> list[str]:
        modules = next((folder for folder in self._libraries if Path(folder, "libsyslogformat.so").exists()), "")
        more = ["--module-path", modules] if modules else []
        return [self._program, "-F", "--no-caps", "-f", str(self.folder / "syslog-ng.conf"), "-R", str(self.folder / "persist"),
                "-p", str(self.folder / "pid"), "-c", str(self.folder / "ctl"), *more]

    def environment(self) -> dict[str, str]:
        return {**os.environ, "LD_LIBRARY_PATH": ":".join(self._libraries)} if self._libraries else dict(os.environ)


def structured_data(text: str) -> dict[str, dict[str, Any]]:
    """RFC 5424 section 6.3 as a receiver reads it; `seq` as a number."""
    elements: dict[str, dict[str, Any]] = {}
    at = 0
    while at < len(text):
        assert text[at] == "[", text[at:]
        at += 1
        end = min(found for found in (text.find(" ", at), text.find("]", at)) if found >= 0)
        element = elements[text[at:end]] = {}
        at = end
        while text[at] == " ":
            equals = text.index("=", at)
            name, at, value = text[at + 1:equals], equals + 2, ""
            while text[at] != '"':
                at += text[at] == "\\"
                value += text[at]
                at += 1
            at += 1
            assert name not in element, name
            element[name] = int(value) if name in ("seq", "sequenceId") else value
        assert text[at] == "]"
        at += 1
    return elements


def alert(**changes: Any) -> dict[str, Any]:
    """A record of the public contract."""
    record = {
        "type": "alert", "time": "2026-11-22T02:36:00.123456789Z", "first_seen": "2026-11-22T02:36:00.123456789Z",
        "last_seen": "2026-11-22T02:37:00.000000000Z", "id": "0123456789abcdef", "rule": "ot.unauthorized-write", "title": "Write by a stranger",
        "severity": "high", "confidence": 0.9, "count": 3, "src": "10.0.3.66", "dst": "10.0.1.10", "src_port": 51200, "dst_port": 502,
        "src_mac": "02:00:00:00:03:66", "dst_mac": "02:00:00:00:01:10", "src_name": "laptop", "dst_name": "PLC press line", "src_zone": "office",
        "dst_zone": "cell 1", "transport": "tcp", "protocol": "modbus",
        "action": "WRITE", "function": 6, "function_name": "write_single_register", "unit": 1,
        "object": "holding register 40100", "value": 1450, "outcome": "confirmed", "attack": ["T0855", "T0836"], "file": "span0",
        "frames": [12, 15], "evidence": {"writer": "stranger"}, "why": "Who writes here was never seen writing.",
        "false_positives": [], "evaluable": "yes", "references": []}
    return {**record, **changes}


def event(sequence: int = 1, **changes: Any) -> Event:
    return Event(sequence=sequence, record=alert(**changes))
