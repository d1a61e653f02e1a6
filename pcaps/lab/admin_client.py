"""Administration of hosts with IT protocols: files, services, tasks, shells, web pages, brokers, desktops. Real stacks: impacket, ftplib, paho."""

from __future__ import annotations

import base64
import ftplib
import io
import socket
import time
import urllib.error
import urllib.request

from actor import Client
from admin_server import PASSWORD, USER

_TASK = '<?xml version="1.0" encoding="UTF-16"?><Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task"/>'


class AdminClient(Client):
    protocol = "admin"

    def _smb(self):  # type: ignore[no-untyped-def]
        from impacket.smbconnection import SMBConnection

        self.fields["port"] = 445
        connection = SMBConnection(self.target.ip, self.target.ip, myName=self.source.name.upper())
        connection.login(USER, "", domain="PLANT")
        return connection

    def smb_write(self, share: str, path: str, size: int = 3_000) -> None:
        connection = self._smb()
        connection.putFile(share, path, io.BytesIO(b"MZ" + bytes(size)).read)
        connection.logoff()

    def smb_read(self, share: str, path: str) -> None:
        connection = self._smb()
        connection.getFile(share, path, io.BytesIO().write)
        connection.logoff()

    def _bind(self, pipe: str, interface: bytes):  # type: ignore[no-untyped-def]
        from impacket.dcerpc.v5 import transport

        self.fields["port"] = 445
        below = transport.SMBTransport(self.target.ip, 445, pipe, USER, "", "PLANT")
        call = below.get_dce_rpc()
        call.connect()
        call.bind(interface)
        return call

    def service_create(self, name: str, program: str, start: bool = True) -> None:
        from impacket.dcerpc.v5 import scmr

        call = self._bind(r"\svcctl", scmr.MSRPC_UUID_SCMR)
        manager = scmr.hROpenSCManagerW(call)["lpScHandle"]
        made = scmr.hRCreateServiceW(call, manager, f"{name}\0", f"{name}\0", lpBinaryPathName=f"{program}\0")["lpServiceHandle"]
        if start:
            scmr.hRStartServiceW(call, made)
        call.disconnect()

    def service_query(self) -> None:
        from impacket.dcerpc.v5 import scmr

        call = self._bind(r"\svcctl", scmr.MSRPC_UUID_SCMR)
        scmr.hROpenSCManagerW(call)
        call.disconnect()

    def task_register(self, path: str) -> None:
        from impacket.dcerpc.v5 import tsch
        from impacket.dcerpc.v5.dtypes import NULL

        call = self._bind(r"\atsvc", tsch.MSRPC_UUID_TSCHS)
        tsch.hSchRpcRegisterTask(call, path, _TASK, tsch.TASK_CREATE, NULL, tsch.TASK_LOGON_NONE)
        call.disconnect()

    def ftp_store(self, name: str, size: int = 4_000) -> None:
        self.fields["port"] = 21
        with ftplib.FTP(self.target.ip, USER, PASSWORD, timeout=5) as session:
            session.storbinary(f"STOR {name}", io.BytesIO(bytes(size)))

    def ftp_fetch(self, name: str) -> None:
        self.fields["port"] = 21
        with ftplib.FTP(self.target.ip, USER, PASSWORD, timeout=5) as session:
            session.retrbinary(f"RETR {name}", lambda _: None)

    def telnet(self, password: str = PASSWORD) -> None:
        import telnetlib

        self.fields["port"] = 23
        session = telnetlib.Telnet(self.target.ip, 23, timeout=5)
        session.read_until(b"login: ", 5)
        session.write(USER.encode() + b"\r\n")
        session.read_until(b"Password: ", 5)
        session.write(password.encode() + b"\r\n")
        if b"# " in session.read_until(b"# ", 1):
            session.write(b"show version\r\n")
            session.read_until(b"# ", 2)
            session.write(b"exit\r\n")
        time.sleep(0.3)
        session.close()

    def web(self, path: str, login: bool = False) -> None:
        self.fields["port"] = 80
        request = urllib.request.Request(f"http://{self.target.ip}{path}")
        if login:
            request.add_header("Authorization", "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode())
        try:
            with urllib.request.urlopen(request, timeout=3) as answer:
                answer.read()
        except urllib.error.HTTPError as refused:
            refused.read()

    def mqtt_publish(self, topic: str, login: bool) -> None:
        import paho.mqtt.client as paho

        self.fields["port"] = 1883
        client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=f"{self.source.name}-1")
        if login:
            client.username_pw_set(USER, PASSWORD)
        client.connect(self.target.ip, 1883)
        client.loop_start()
        client.subscribe("plant/setpoint/#")
        client.publish(topic, "21.5", qos=1).wait_for_publish(5)
        client.disconnect()
        client.loop_stop()

    def vnc_open(self) -> None:
        """The handshake of RFB 3.8, and a frame."""
        self.fields["port"] = 5900
        with socket.create_connection((self.target.ip, 5900), timeout=5) as session:
            version = session.recv(12)
            session.sendall(version)
            session.recv(64)
            session.sendall(b"\1")
            session.recv(4)
            session.sendall(b"\1")
            session.recv(256)
            session.sendall(b"\3\0\0\0\0\0\0\x40\0\x30"[:10])
            session.recv(4096)
