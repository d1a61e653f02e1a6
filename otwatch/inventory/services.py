"""Names of services by the server's port: what is said of traffic whose content is not decoded. A hint, and shown as one (`name?`)."""

from __future__ import annotations

from typing import Final

from otwatch import ports
from otwatch.decode.unread import OT_ETHERTYPES as OT_ETHERTYPES  # noqa: PLC0414 - read here by the rooms above
from otwatch.protocols import protocols

# A name in `ports` says more than the protocol that carries it: on port 802 TLS is Modbus/TCP Security
SERVICES: Final[dict[tuple[int, int], str]] = {
    **{(port.transport, port.number): spec.service or spec.name for spec in protocols() for port in spec.ports},
    **ports.SERVICES,
}
# A protocol of another package may decode what this one only names.
OT_PORTS_NOT_DECODED: Final = ports.OT_PORTS_NOT_DECODED - {name for spec in protocols() for name in (spec.name, spec.service)}

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
