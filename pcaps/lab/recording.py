"""One recording: servers up, tcpdump on, actors at work, then capture, operations and provenance side by side."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml
from hosts import FIREWALL_IT, FIREWALL_MAC, FIREWALL_OT, HOSTS, SERVICES
from net import PREFIX, Lab, LabError, Tcpdump, inside, run

HERE = Path(__file__).resolve().parent
STACKS = {
    "modbus": ("pymodbus",),
    "s7comm": ("python-snap7",),
    "dnp3": ("yadnp3",),
    "bacnet": ("bacpypes3",),
    "opcua": ("asyncua",),
    "enip": ("cm-ethernetip", "pycomm3"),
}
# c104 is under the GPL 3, which does not go together with scapy's GPL 2: it may live in an environment of its own
_ADMIN = os.environ.get("OTWATCH_LAB_IT", sys.executable)  # what IT needs may live apart, too
ADMIN_SERVERS = ("smb", "ftp", "telnet", "web", "mqtt", "vnc")
ADMIN_STACKS = ("impacket", "pyftpdlib", "amqtt", "paho-mqtt")
INTERPRETERS = {"iec104": os.environ.get("OTWATCH_LAB_IEC104", sys.executable), **dict.fromkeys(("admin", *ADMIN_SERVERS), _ADMIN)}


class Session:
    """A client process on a host. `do` runs one operation and returns its record; `expected` is the ground truth."""

    def __init__(
        self, recording: Recording, *, source: str, protocol: str, target: str, expected: str, via: str | None
    ):
        self.recording, self.protocol, self.expected, self.via = recording, protocol, expected, via
        self.source, self.target = source, target
        actor = [INTERPRETERS.get(protocol, sys.executable), str(HERE / "actor.py"), protocol, source, target]
        command = recording.ssh_command(via, source, actor) if via else list(inside(PREFIX + source, *actor))
        begin = time.time()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._read()
        if via:
            recording.note(begin, via, source, 22, protocol="ssh", op="remote_login", result="ok", expected=expected)

    def do(self, call: str, *, expected: str | None = None, note: str | None = None, **args: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"call": call, "args": args}) + "\n")
        self.process.stdin.flush()
        return self._read(expected, note)

    def _read(self, expected: str | None = None, note: str | None = None) -> dict[str, Any]:
        assert self.process.stdout is not None
        last: dict[str, Any] = {}
        for line in self.process.stdout:
            fields = json.loads(line)
            if fields.get("done"):
                return last
            last = self._keep(fields, expected or self.expected, note)
        raise LabError(f"{self.source}: the {self.protocol} client ended; see its message above")

    def _keep(self, fields: dict[str, Any], expected: str, note: str | None) -> dict[str, Any]:
        target = HOSTS[self.target]
        head = {
            "ts": round(fields.pop("ts"), 6),
            "ts_end": round(fields.pop("ts_end"), 6),
            "src": self.source,
            "src_ip": HOSTS[self.source].ip,
            "dst": self.target,
            "dst_ip": target.ip,
            "dst_port": fields.pop("port"),
            "protocol": self.protocol,
            "op": fields.pop("op"),
        }
        result = fields.pop("result")
        record = {**head, **fields, "result": result, "expected": expected}
        if self.via:
            record["via"] = f"ssh from {self.via} ({HOSTS[self.via].ip})"
        if note:
            record["note"] = note
        self.recording.operations.append(record)
        return record

    def end(self) -> None:
        """Let the process end; operations that the stack did by itself meanwhile are still collected."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        for line in self.process.stdout:
            fields = json.loads(line)
            if "op" in fields:
                self._keep(fields, self.expected, None)
        self.process.wait(timeout=10)


class Recording:
    """Context manager around one capture `<folder>/<name>.pcap`. Leaving it writes the .yaml and .operations.jsonl."""

    def __init__(
        self, lab: Lab, folder: Path, name: str, shows: str, *, servers: tuple[str, ...], quirks: list[str]
    ) -> None:
        self.lab, self.folder, self.name, self.shows, self.quirks = lab, folder, name, shows, quirks
        self.servers = servers
        self.operations: list[dict[str, Any]] = []
        self.sessions: list[Session] = []
        self.stack = contextlib.ExitStack()

    def __enter__(self) -> Recording:
        self.keys = Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="otwatch-lab-")))
        try:
            for host in self.servers:
                for protocol, _ in SERVICES[host]:
                    self._serve(host, protocol)
            self.lab.forget_neighbours()
            self.begun = time.time()
            self.stack.enter_context(Tcpdump(self.folder / f"{self.name}.pcap"))
        except BaseException:
            self.stack.close()
            raise
        return self

    def _serve(self, host: str, protocol: str) -> None:
        if protocol == "ssh":
            self._serve_ssh(host)
            return
        script = (f"{protocol}_server.py",) if protocol in ("dnp3", "iec104", "bacnet", "opcua") else ("servers.py", protocol)
        if protocol in ADMIN_SERVERS:
            script = ("admin_server.py", protocol)
        if protocol == "enip":
            script = ("enip_server.py", host)
        command = inside(PREFIX + host, INTERPRETERS.get(protocol, sys.executable), str(HERE / script[0]), *script[1:])
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.stack.callback(_stop, process)
        assert process.stdout is not None
        if process.stdout.readline().strip() != "ready":
            raise LabError(f"{host}: the {protocol} server did not start; see its message above")

    def _serve_ssh(self, host: str) -> None:
        """A real sshd with keys of this run only."""
        sshd = Path("/usr/sbin/sshd")
        if not sshd.exists():
            raise LabError("the lab needs sshd: apt-get install openssh-server")
        Path("/run/sshd").mkdir(exist_ok=True)
        for key in ("host", "user"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", str(self.keys / key))
        config = self.keys / "sshd_config"
        config.write_text(
            f"HostKey {self.keys / 'host'}\nAuthorizedKeysFile {self.keys / 'user.pub'}\nPermitRootLogin yes\n"
            f"StrictModes no\nUsePAM no\nPidFile none\nPasswordAuthentication no\nUseDNS no\n"
        )
        process = subprocess.Popen(inside(PREFIX + host, str(sshd), "-D", "-f", str(config)), stderr=subprocess.DEVNULL)
        self.stack.callback(_stop, process)
        time.sleep(0.3)

    def ssh_command(self, client: str, server: str, command: list[str]) -> list[str]:
        """`command` run on `server` in an ssh session that comes from `client`."""
        ssh = (
            "ssh",
            "-q",
            "-F",
            "none",
            "-i",
            str(self.keys / "user"),
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            f"root@{HOSTS[server].ip}",
        )
        return list(inside(PREFIX + client, *ssh, *command))

    def session(
        self, source: str, protocol: str, target: str, expected: str = "benign", via: str | None = None, **connect: Any
    ) -> Session:
        """A connected client of an OT protocol, or with protocol `tcp` one for the rest."""
        session = Session(self, source=source, protocol=protocol, target=target, expected=expected, via=via)
        self.sessions.append(session)
        if protocol not in ("tcp", "admin"):
            session.do("connect", **connect)
        return session

    def note(self, begin: float, source: str, target: str, port: int, **fields: Any) -> None:
        """An operation that no client process reports, such as a remote log-in. It began at `begin` and ends now."""
        head = {"ts": round(begin, 6), "ts_end": round(time.time(), 6), "src": source, "src_ip": HOSTS[source].ip}
        self.operations.append({**head, "dst": target, "dst_ip": HOSTS[target].ip, "dst_port": port, **fields})

    def close(self, *sessions: Session) -> None:
        for session in sessions:
            self.sessions.remove(session)
            if session.protocol not in ("tcp", "admin"):
                session.do("close")
            session.end()

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        try:
            if kind is None:
                self.close(*self.sessions[:])
        finally:
            for session in self.sessions:
                session.process.kill()
            self.stack.__exit__(kind, value, tb)
        if kind is None:
            self._write()

    def _write(self) -> None:
        self.operations.sort(key=lambda operation: operation["ts"])
        lines = self.folder / f"{self.name}.operations.jsonl"
        lines.write_text("".join(json.dumps(operation) + "\n" for operation in self.operations))
        capture = self.folder / f"{self.name}.pcap"
        seen = {operation["src"] for operation in self.operations} | {operation["dst"] for operation in self.operations}
        seen.update(name for operation in self.operations for name in operation.get("targets", ()))
        spoken = {protocol for host in self.servers for protocol, _ in SERVICES[host]} | {operation["protocol"] for operation in self.operations}
        versions = {
            package: importlib.metadata.version(package) for protocol, packages in STACKS.items() if protocol in spoken for package in packages
        }
        if "iec104" in spoken:
            ask = "import importlib.metadata; print(importlib.metadata.version('c104'))"
            versions["c104"] = subprocess.check_output([INTERPRETERS["iec104"], "-c", ask], text=True).strip()
        if "admin" in spoken:
            ask = f"import importlib.metadata as m; print(*(m.version(name) for name in {ADMIN_STACKS!r}))"
            found = subprocess.check_output([INTERPRETERS["admin"], "-c", ask], text=True).split()
            versions |= dict(zip(ADMIN_STACKS, found, strict=True))
        about = {
            "capture": capture.name,
            "shows": self.shows,
            "origin": "own recording: real stacks in Linux network namespaces, tcpdump on the switch (SPAN view)",
            "licence": "BSD-3-Clause, as the project",
            "date": datetime.datetime.fromtimestamp(self.begun, datetime.UTC).strftime("%Y-%m-%d"),
            "script": "pcaps/lab/record.py",
            "command": f"sudo python pcaps/lab/record.py {self.name}",
            "stacks": {**versions, "python": platform.python_version(), "kernel": os.uname().release.split("-")[0]},
            "sha256": hashlib.sha256(capture.read_bytes()).hexdigest(),
            "bytes": capture.stat().st_size,
            "operations": {
                "file": lines.name,
                "count": len(self.operations),
                "attack": sum(operation["expected"] == "attack" for operation in self.operations),
            },
            "firewall": {
                "mac": FIREWALL_MAC,
                "ot_ip": FIREWALL_OT,
                "it_ip": FIREWALL_IT,
                "about": "routes; IT hosts show this MAC inside the OT network, TTL one less",
            },
            "hosts": [
                {
                    "name": host.name,
                    "role": host.role,
                    "ip": host.ip,
                    "mac": host.mac,
                    "vendor": host.vendor,
                    "zone": host.net,
                    "level": host.level,
                    "about": host.about,
                }
                for host in HOSTS.values()
                if host.name in seen
            ],
            "quirks": self.quirks,
        }
        (self.folder / f"{self.name}.yaml").write_text(
            yaml.safe_dump(about, sort_keys=False, width=120, allow_unicode=True)
        )


def _stop(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait(timeout=10)
