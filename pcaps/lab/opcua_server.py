"""The OPC UA server of a controller on asyncua: a pump with set point, speed, run command, recipe and a method; three endpoints, two users."""

from __future__ import annotations

import asyncio
import datetime
import tempfile
from pathlib import Path
from typing import Any

from asyncua import Server, ua
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.crypto.permission_rules import PermissionRuleset, User, UserRole
from asyncua.server.user_managers import UserManager
from cryptography.x509.oid import ExtendedKeyUsageOID
from hosts import HOSTS
from process import level, ready

PORT = 4840
SPACE = "urn:lab:pump"
USERS = {"operator": "lab-password"}  # of the lab only: what the captures show of it is the point
POLICIES = [ua.SecurityPolicyType.NoSecurity, ua.SecurityPolicyType.Basic256Sha256_Sign, ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt]


class Users(UserManager):
    """Anonymous users may do everything that this server knows, as the default of many does; named ones need their password."""

    def get_user(self, iserver: Any, username: str | None = None, password: Any = None, certificate: Any = None) -> User | None:  # noqa: ARG002
        if isinstance(password, bytes):
            password = password.decode("utf-8", "replace")
        if username is None or USERS.get(username) == password:
            return User(role=UserRole.Admin)
        return None


class Everything(PermissionRuleset):
    """Whoever is in may do everything."""

    def check_validity(self, user: Any, action_type: Any, body: Any) -> bool:  # noqa: ARG002
        return True


async def certificate(folder: Path, name: str, uri: str, host: str) -> tuple[Path, Path]:
    """A self-signed certificate and its key, of this run only."""
    cert, key = folder / f"{name}.der", folder / f"{name}.pem"
    uses = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
    await setup_self_signed_certificate(key, cert, uri, host, uses, {"countryName": "CH", "organizationName": "Lab", "commonName": name})
    return cert, key


async def start(_parent: ua.NodeId, speed: ua.Variant) -> list[ua.Variant]:
    """The method: it runs at a speed."""
    return [ua.Variant(speed.Value, ua.VariantType.Double)]


async def serve() -> None:
    host = HOSTS["opc"]
    server = Server(user_manager=Users())
    await server.init()
    server.set_endpoint(f"opc.tcp://{host.ip}:{PORT}/pump/")
    server.set_server_name("Lab Pump Controller")
    await server.set_application_uri("urn:lab:pump-controller")
    server.product_uri = "urn:lab:products:pc-500"
    server.manufacturer_name = "Lab Controls"
    built = datetime.datetime(2026, 1, 15, tzinfo=datetime.UTC)
    await server.set_build_info("urn:lab:products:pc-500", "Lab Controls", "PC-500", "2.4.1", "2041", built)
    server.set_security_policy(POLICIES, permission_ruleset=Everything())
    with tempfile.TemporaryDirectory() as folder:
        cert, key = await certificate(Path(folder), "pump-controller", "urn:lab:pump-controller", host.ip)
        await server.load_certificate(str(cert))
        await server.load_private_key(str(key))
    space = await server.register_namespace(SPACE)
    pump = await server.nodes.objects.add_object(ua.NodeId("Pump", space), "Pump")
    points = {
        name: await pump.add_variable(ua.NodeId(f"Pump.{name}", space), name, value)
        for name, value in (("Speed", 1480.0), ("SetPoint", 1500.0), ("Run", True), ("Pressure", 4.2), ("Recipe", b"\x00"))
    }
    for name in ("SetPoint", "Run", "Recipe"):
        await points[name].set_writable()
    await pump.add_method(ua.NodeId("Pump.Start", space), "Start", start, [ua.VariantType.Double], [ua.VariantType.Double])
    await pump.add_variable(ua.NodeId("Pump.Alarm", space), "Alarm", False)
    async with server:
        ready()
        while True:
            await asyncio.sleep(0.5)
            await points["Speed"].write_value(level(17, 1400, 1500))
            await points["Pressure"].write_value(level(11, 3.9, 4.5))


if __name__ == "__main__":
    asyncio.run(serve())
