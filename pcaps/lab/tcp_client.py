"""What is not an OT protocol: port scan, ping, web page, remote desktop."""

from __future__ import annotations

import os
import socket
import urllib.request

from actor import Client
from hosts import HOSTS


class TcpClient(Client):
    protocol = "tcp"

    def scan(self, targets: list[str], ports: list[int]) -> str:
        """Connect scan by the operating system's TCP: no reply is kept, an open port is closed at once."""
        found = []
        for name in targets:
            for port in ports:
                with socket.socket() as probe:
                    probe.settimeout(0.5)
                    if probe.connect_ex((HOSTS[name].ip, port)) == 0:
                        found.append(f"{name}:{port}")
        self.fields |= {"targets": targets, "ports": ports, "value": found}
        return "ok"

    def http_get(self, port: int = 8080) -> str:
        self.fields["port"] = port
        with urllib.request.urlopen(f"http://{self.target.ip}:{port}/status", timeout=3) as answer:
            answer.read()
        return "ok"

    def rdp_open(self, user: str) -> str:
        """X.224 connection request with cookie and RDP_NEG_REQ (MS-RDPBCGR 2.2.1.1)."""
        self.fields["port"] = 3389
        cookie = f"Cookie: mstshash={user}\r\n".encode()
        request = bytes.fromhex("e00000000000") + cookie + bytes.fromhex("0100080003000000")
        self.session = socket.create_connection((self.target.ip, 3389), timeout=3)
        length = 5 + len(request)
        self.session.sendall(bytes((3, 0, length >> 8, length & 255, len(request))) + request)
        return "ok" if self.session.recv(64)[5:6] == b"\xd0" else "error: no confirm"

    def rdp_input(self, count: int = 5) -> None:
        """Opaque bytes as of key strokes and pictures behind TLS."""
        self.fields["port"] = 3389
        for _ in range(count):
            self.session.sendall(b"\x17\x03\x03\x00\x20" + os.urandom(32))
            self.session.recv(4096)

    def rdp_close(self) -> None:
        self.fields["port"] = 3389
        self.session.close()
