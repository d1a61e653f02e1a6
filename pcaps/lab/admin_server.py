"""Services of IT on hosts of the plant, real stacks:  python admin_server.py smb|ftp|telnet|web|mqtt|vnc  (inside a host's namespace).

Impacket, pyftpdlib, amqtt and the standard library; telnetd and Xtigervnc are the distribution's. Prints `ready` once it listens.
"""

from __future__ import annotations

import asyncio
import base64
import http.server
import logging
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from process import ready

USER, PASSWORD = "operator", "letmein"  # of the lab only


def smb() -> None:
    """Shares `recipes` and `ADMIN$`; the pipes of the service manager and of the task scheduler, behind which nothing happens."""
    from impacket.dcerpc.v5 import scmr, tsch
    from impacket.dcerpc.v5.rpcrt import DCERPCServer
    from impacket.smbserver import SimpleSMBServer

    def pipe(interface: tuple[str, str], name: str, calls: dict[int, object]) -> int:
        server = DCERPCServer()
        server.addCallbacks(interface, "\\PIPE\\" + name, calls)
        server.setListenPort(0)
        server.start()
        return int(server.getListenPort())

    def open_manager(_: bytes) -> scmr.ROpenSCManagerWResponse:
        answer = scmr.ROpenSCManagerWResponse()
        answer["lpScHandle"], answer["ErrorCode"] = b"\1" * 20, 0
        return answer

    def create_service(_: bytes) -> scmr.RCreateServiceWResponse:
        answer = scmr.RCreateServiceWResponse()
        answer["lpdwTagId"], answer["lpServiceHandle"], answer["ErrorCode"] = tsch.NULL, b"\2" * 20, 0
        return answer

    def start_service(_: bytes) -> scmr.RStartServiceWResponse:
        answer = scmr.RStartServiceWResponse()
        answer["ErrorCode"] = 0
        return answer

    def register_task(_: bytes) -> tsch.SchRpcRegisterTaskResponse:
        answer = tsch.SchRpcRegisterTaskResponse()
        answer["pActualPath"], answer["pErrorInfo"], answer["ErrorCode"] = "\\update\0", tsch.NULL, 0
        return answer

    folder = tempfile.mkdtemp(prefix="otwatch-lab-smb-")
    Path(folder, "mix.csv").write_text("water;70\ncement;30\n")
    server = SimpleSMBServer(listenAddress="0.0.0.0", listenPort=445)
    server.addCredential(USER, 0, "", "")
    for share in ("RECIPES", "ADMIN$"):
        server.addShare(share, folder)
    server.setSMB2Support(True)
    manager = pipe(("367abb81-9844-35f1-ad32-98f038001003", "2.0"), "svcctl", {15: open_manager, 12: create_service, 19: start_service})
    tasks = pipe(("86d35949-83c9-4044-b424-db363231fd0c", "1.0"), "atsvc", {1: register_task})
    server.registerNamedPipe("svcctl", ("127.0.0.1", manager))
    server.registerNamedPipe("atsvc", ("127.0.0.1", tasks))
    threading.Timer(1.0, ready).start()
    server.start()


def ftp() -> None:
    """The FTP server of a controller: one user, a folder for firmware."""
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler
    from pyftpdlib.servers import FTPServer

    folder = tempfile.mkdtemp(prefix="otwatch-lab-ftp-")
    Path(folder, "log.txt").write_text("boot ok\n")
    users = DummyAuthorizer()
    users.add_user(USER, PASSWORD, folder, perm="elradfmw")
    FTPHandler.authorizer, FTPHandler.banner = users, "M340 FTP server (Version 2.7) ready."
    server = FTPServer(("0.0.0.0", 21), FTPHandler)
    ready()
    server.serve_forever()


def telnet() -> None:
    """inetutils telnetd for each connection, with a login of its own, and no name server to ask who calls."""
    nobody = Path(tempfile.mkdtemp(prefix="otwatch-lab-telnet-"), "resolv.conf")
    nobody.write_text("nameserver 127.0.0.1\n")
    listener = socket.create_server(("0.0.0.0", 23))
    ready()
    while True:
        connection, _ = listener.accept()
        login = f"{sys.executable} {Path(__file__).resolve()} login"
        script = f"mount --bind {nobody} /etc/resolv.conf && exec /usr/sbin/telnetd -h -E '{login}'"
        subprocess.Popen(["unshare", "-m", "sh", "-c", script], stdin=connection, stdout=connection, stderr=subprocess.DEVNULL)
        connection.close()


def login() -> None:
    """What telnetd runs: asks for user and password, then shows a prompt until the other side leaves."""
    import getpass

    print("NPort 5110 console", flush=True)
    user = input("login: ")
    if (user, getpass.getpass("Password: ")) == (USER, PASSWORD):
        print("Welcome to the console", flush=True)
        while input("nport# ") != "exit":
            print("ok", flush=True)
    else:
        print("Login incorrect", flush=True)
    time.sleep(0.2)


def web() -> None:
    """A controller's web page that wants a password."""
    wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    class Page(http.server.BaseHTTPRequestHandler):
        server_version, sys_version = "GoAhead-Webs/2.5", ""
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            right = self.path == "/open" or self.headers.get("Authorization") == wanted
            body = b"<html>rack viewer</html>\n" if right else b"login\n"
            self.send_response(200 if right else 401)
            if not right:
                self.send_header("WWW-Authenticate", 'Basic realm="M340 rack viewer"')
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("0.0.0.0", 80), Page)
    ready()
    server.serve_forever()


def mqtt() -> None:
    """A broker that lets anybody in."""
    from amqtt.broker import Broker

    async def serve() -> None:
        plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
        broker = Broker({"listeners": {"default": {"type": "tcp", "bind": "0.0.0.0:1883"}}, "plugins": plugins})
        await broker.start()
        ready()
        await asyncio.Event().wait()

    asyncio.run(serve())


def vnc() -> None:
    """A desktop without a password."""
    desktop = ["Xtigervnc", ":77", "-rfbport", "5900", "-SecurityTypes", "None", "-geometry", "64x48", "-depth", "16", "-nolisten", "tcp"]
    process = subprocess.Popen(desktop, stderr=subprocess.DEVNULL)
    for _ in range(50):
        try:
            socket.create_connection(("127.0.0.1", 5900), timeout=1).close()
            break
        except OSError:
            time.sleep(0.1)
    ready()
    process.wait()


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    {"smb": smb, "ftp": ftp, "telnet": telnet, "web": web, "mqtt": mqtt, "vnc": vnc, "login": login}[sys.argv[1]]()
