"""Names of services by the server's port: what is said of traffic whose content is not decoded. A hint, and shown as one (`name?`)."""

from __future__ import annotations

from typing import Final

# IANA service names as people use them; OT ports that are not decoded yet are named so that a blind spot has a name.
SERVICES: Final[dict[tuple[int, int], str]] = {
    (6, 20): "ftp-data",
    (6, 21): "ftp",
    (6, 22): "ssh",
    (6, 23): "telnet",
    (6, 25): "smtp",
    (6, 53): "dns",
    (17, 53): "dns",
    (17, 67): "dhcp",
    (17, 68): "dhcp",
    (17, 69): "tftp",
    (6, 80): "http",
    (17, 123): "ntp",
    (6, 135): "msrpc",
    (17, 137): "netbios-ns",
    (17, 138): "netbios-dgm",
    (6, 139): "netbios-ssn",
    (17, 161): "snmp",
    (17, 162): "snmp-trap",
    (6, 179): "bgp",
    (6, 389): "ldap",
    (6, 443): "https",
    (6, 445): "smb",
    (17, 514): "syslog",
    (6, 636): "ldaps",
    (6, 1433): "mssql",
    (6, 1521): "oracle",
    (17, 1900): "ssdp",
    (6, 3306): "mysql",
    (6, 3389): "rdp",
    (17, 3389): "rdp",
    (6, 5432): "postgresql",
    (17, 5353): "mdns",
    (17, 5355): "llmnr",
    (6, 5900): "vnc",
    (6, 5985): "winrm",
    (6, 5986): "winrm",
    (6, 5938): "teamviewer",
    (17, 5938): "teamviewer",
    (6, 8080): "http",
    (6, 102): "iso-tsap",
    (6, 502): "modbus",
    (17, 502): "modbus",
    (6, 20000): "dnp3",
    (17, 20000): "dnp3",
    (6, 2404): "iec104",
    (6, 44818): "enip",
    (17, 44818): "enip",
    (17, 2222): "enip-io",
    (17, 47808): "bacnet",
    (6, 4840): "opcua",
    (17, 34964): "profinet-cm",
    (6, 1911): "fox",
    (6, 4911): "foxs",
    (6, 9600): "omron-fins",
    (17, 9600): "omron-fins",
    (6, 18245): "ge-srtp",
    (6, 5007): "melsec",
    (6, 48898): "ads",
    (17, 48899): "ads-discovery",
    (6, 5094): "hart-ip",
    (17, 5094): "hart-ip",
    (6, 4000): "roc-plus",
    (17, 1502): "tristation",
    (6, 789): "redlion",
    (6, 20547): "proconos",
    (6, 1962): "pcworx",
    (6, 11740): "codesys",
    (6, 2455): "codesys",
    (17, 4713): "synchrophasor",
    (6, 4712): "synchrophasor",
    (6, 802): "modbus-tls",
    (6, 19999): "dnp3-tls",
}

ETHERTYPES: Final[dict[int, str]] = {
    0x0806: "arp",
    0x8892: "profinet",
    0x88B8: "goose",
    0x88BA: "sampled-values",
    0x88CC: "lldp",
    0x88A4: "ethercat",
    0x88AB: "powerlink",
    0x88CD: "sercos",
    0x88E3: "mrp",
    0x8100: "vlan",
    0x88F7: "ptp",
    0x888E: "eapol",
    0x8809: "slow-protocols",
    0x9000: "loopback",
    0x0800: "ipv4",
    0x86DD: "ipv6",
    0x88E5: "macsec",
    0x893F: "hsr",
    0x88FB: "prp",
}

IP_PROTOCOLS: Final[dict[int, str]] = {
    1: "icmp",
    2: "igmp",
    6: "tcp",
    17: "udp",
    47: "gre",
    50: "esp",
    51: "ah",
    58: "icmpv6",
    88: "eigrp",
    89: "ospf",
    103: "pim",
    112: "vrrp",
    132: "sctp",
}

OT_PORTS_NOT_DECODED: Final[frozenset[str]] = frozenset(
    {
        "enip",
        "enip-io",
        "opcua",
        "profinet-cm",
        "fox",
        "foxs",
        "omron-fins",
        "ge-srtp",
        "melsec",
        "ads",
        "ads-discovery",
        "hart-ip",
        "roc-plus",
        "tristation",
        "redlion",
        "proconos",
        "pcworx",
        "codesys",
        "synchrophasor",
        "profinet",
        "goose",
        "sampled-values",
        "ethercat",
        "powerlink",
        "sercos",
        "modbus-tls",
        "dnp3-tls",
    }
)


def service_name(ip_protocol: int, server_port: int, ethertype: int) -> str:
    """What the numbers suggest, with a question mark where only the port says so: `rdp?`, `arp`, `icmp`, `tcp/50001`."""
    if ip_protocol in (6, 17):
        name = SERVICES.get((ip_protocol, server_port))
        if name:
            return f"{name}?"
        transport = IP_PROTOCOLS[ip_protocol]
        return f"{transport}/{server_port}" if 0 <= server_port < 49152 else transport
    if ip_protocol >= 0:
        return IP_PROTOCOLS.get(ip_protocol, f"ip/{ip_protocol}")
    if ethertype >= 0:
        return ETHERTYPES.get(ethertype, f"ethertype/0x{ethertype:04x}")
    return "llc"
