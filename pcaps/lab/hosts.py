"""The plant of the lab: who is there, with which address, MAC and role. Data only; the lab is built from it."""

from __future__ import annotations

from dataclasses import dataclass

OT_NETWORK = "192.168.10.0/24"
IT_NETWORK = "172.16.5.0/24"
FIREWALL_OT = "192.168.10.1"
FIREWALL_IT = "172.16.5.1"
FIREWALL_MAC = "00:0a:dc:10:00:01"  # RuggedCom: the only MAC that IT hosts show inside the OT network


@dataclass(frozen=True, kw_only=True)
class Host:
    """One host: a network namespace with one interface. `level` is the Purdue level, `net` is "ot" or "it"."""

    name: str
    role: str
    ip: str
    mac: str
    vendor: str
    level: float
    net: str = "ot"
    about: str = ""


HOSTS: dict[str, Host] = {
    host.name: host
    for host in (
        Host(
            name="plc-mb",
            role="controller",
            ip="192.168.10.10",
            mac="00:80:f4:0a:10:10",
            vendor="Telemecanique",
            level=1,
            about="Modbus/TCP PLC, units 1 (itself) and 2 (drive behind it), TCP 502",
        ),
        Host(
            name="plc-s7",
            role="controller",
            ip="192.168.10.11",
            mac="00:1b:1b:0a:10:11",
            vendor="Siemens",
            level=1,
            about="S7 PLC, rack 0 slot 2, TCP 102",
        ),
        Host(
            name="rtu",
            role="controller",
            ip="192.168.10.12",
            mac="00:30:a7:0a:10:12",
            vendor="Schweitzer",
            level=1,
            about="DNP3 outstation, link address 10, TCP 20000, one session for each master",
        ),
        Host(
            name="station",
            role="controller",
            ip="192.168.10.13",
            mac="00:60:65:0a:10:13",
            vendor="Bernecker & Rainer",
            level=1,
            about="IEC 60870-5-104 station, common address 47, TCP 2404",
        ),
        Host(
            name="ahu",
            role="controller",
            ip="192.168.10.14",
            mac="00:40:ae:0a:10:14",
            vendor="Delta Controls",
            level=1,
            about="BACnet/IP controller of an air handling unit, device 1001, UDP 47808",
        ),
        Host(
            name="plc-cip",
            role="controller",
            ip="192.168.10.15",
            mac="00:00:bc:0a:10:15",
            vendor="Rockwell",
            level=1,
            about="Logix controller with tags, EtherNet/IP on TCP and UDP 44818",
        ),
        Host(
            name="plc-slc",
            role="controller",
            ip="192.168.10.16",
            mac="00:00:bc:0a:10:16",
            vendor="Rockwell",
            level=1,
            about="controller with data files, PCCC in EtherNet/IP, TCP and UDP 44818",
        ),
        Host(
            name="rio",
            role="remote I/O",
            ip="192.168.10.17",
            mac="00:00:bc:0a:10:17",
            vendor="Rockwell",
            level=1,
            about="remote I/O block of plc-cip, EtherNet/IP on 44818, cyclic I/O on UDP 2222",
        ),
        Host(
            name="opc",
            role="controller",
            ip="192.168.10.18",
            mac="00:01:05:0a:10:18",
            vendor="Beckhoff",
            level=1,
            about="OPC UA server of a controller, opc.tcp 4840: without security, signed, and encrypted",
        ),
        Host(
            name="plc-web",
            role="controller",
            ip="192.168.10.19",
            mac="00:80:f4:0a:10:19",
            vendor="Telemecanique",
            level=1,
            about="Modbus/TCP PLC with FTP, Telnet and a web page",
        ),
        Host(
            name="ws",
            role="station",
            ip="192.168.10.31",
            mac="d4:be:d9:0a:10:31",
            vendor="Dell",
            level=2,
            about="workstation of the plant with file shares, service manager, MQTT broker and a desktop without a password",
        ),
        Host(
            name="hmi",
            role="hmi",
            ip="192.168.10.20",
            mac="00:d0:c9:0a:10:20",
            vendor="Advantech",
            level=2,
            about="polls the three controllers, writes set points; DNP3 master 1; web page on TCP 8080",
        ),
        Host(
            name="eng",
            role="engineering_station",
            ip="192.168.10.30",
            mac="d4:be:d9:0a:10:30",
            vendor="Dell",
            level=2,
            about="engineering station, also entered by ssh (TCP 22) or remote desktop (TCP 3389); DNP3 master 2",
        ),
        Host(
            name="guest",
            role="unknown",
            ip="192.168.10.77",
            mac="00:e0:4c:0a:10:77",
            vendor="Realtek",
            level=2,
            about="a laptop that does not belong here; DNP3 master 77",
        ),
        Host(
            name="itpc",
            role="it_host",
            ip="172.16.5.66",
            mac="3c:52:82:05:00:66",
            vendor="Hewlett Packard",
            level=4,
            net="it",
            about="office PC taken over by the attacker; DNP3 master 66",
        ),
        Host(
            name="erp",
            role="it_host",
            ip="172.16.5.20",
            mac="00:50:56:05:00:20",
            vendor="VMware",
            level=4,
            net="it",
            about="IT server that fetches the HMI's web page, a permitted conduit",
        ),
    )
}

# What answers on each host: (protocol, TCP port). The firewall has no service.
SERVICES: dict[str, tuple[tuple[str, int], ...]] = {
    "plc-mb": (("modbus", 502),),
    "plc-s7": (("s7comm", 102),),
    "rtu": (("dnp3", 20000),),
    "station": (("iec104", 2404),),
    "ahu": (("bacnet", 47808),),
    "plc-cip": (("enip", 44818),),
    "plc-slc": (("enip", 44818),),
    "rio": (("enip", 44818),),
    "opc": (("opcua", 4840),),
    "hmi": (("http", 8080),),
    "plc-web": (("modbus", 502), ("ftp", 21), ("telnet", 23), ("web", 80)),
    "ws": (("smb", 445), ("mqtt", 1883), ("vnc", 5900)),
    "eng": (("ssh", 22), ("rdp", 3389)),
}

IEC104_STATION = 47
BACNET_DEVICE = 1001
BACNET_STATION = {"hmi": 2001, "eng": 2002, "guest": 2077}
DNP3_OUTSTATION = 10
DNP3_MASTER = {"hmi": 1, "eng": 2, "itpc": 66, "guest": 77}
