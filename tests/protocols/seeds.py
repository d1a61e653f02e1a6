"""A few whole messages of each protocol that makes facts only: what its tests change byte by byte, and what fuzzing begins with. Made by scapy."""

from __future__ import annotations

import struct
from typing import Final
from uuid import UUID

from scapy.asn1.asn1 import ASN1_OID, ASN1_STRING
from scapy.contrib import lldp
from scapy.contrib.cdp import (
    CDPAddrRecordIPv4,
    CDPMsgAddr,
    CDPMsgCapabilities,
    CDPMsgDeviceID,
    CDPMsgPlatform,
    CDPMsgPortID,
    CDPMsgSoftwareVersion,
    CDPv2_HDR,
)
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.dns import DNS, DNSQR, DNSRR, DNSRRHINFO, DNSRRSRV
from scapy.layers.l2 import Ether
from scapy.layers.llmnr import LLMNRQuery, LLMNRResponse
from scapy.layers.netbios import (
    NBNS_ADD_ENTRY,
    NBNSHeader,
    NBNSNodeStatusResponse,
    NBNSNodeStatusResponseService,
    NBNSQueryRequest,
    NBNSQueryResponse,
    NBNSRegistrationRequest,
)
from scapy.layers.ntp import NTPHeader
from scapy.layers.snmp import SNMP, SNMPresponse, SNMPtrapv2, SNMPvarbind


def _lldp() -> bytes:
    made = lldp.LLDPDUChassisID(subtype=4, id="00:1b:1b:00:00:07") / lldp.LLDPDUPortID(subtype=7, id="port-003") / lldp.LLDPDUTimeToLive(ttl=20)
    made = made / lldp.LLDPDUSystemName(system_name="cabinet7") / lldp.LLDPDUSystemDescription(
        description="Siemens, SIMATIC NET, SCALANCE XB208, 6GK5 208-0BA00-2AB2, HW: Version 3, FW: Version V04.01.00, SVPLN128756")
    made = made / lldp.LLDPDUManagementAddress(management_address_subtype=1, management_address=bytes((192, 168, 0, 7)), interface_number=3)
    made = made / lldp.LLDPDUSystemCapabilities(mac_bridge_available=1, mac_bridge_enabled=1)
    made = made / lldp.LLDPDUGenericOrganisationSpecific(org_code=0x0012BB, subtype=10, data=b"XB208")
    return bytes(Ether() / made / lldp.LLDPDUEndOfLLDPDU())[14:]


MAC: Final = bytes.fromhex("00e04c0a1077")


def dhcp(kind: str, *options: tuple[str, object], op: int = 1, given: str = "0.0.0.0", has: str = "0.0.0.0", mac: bytes = MAC) -> bytes:
    """A message of DHCP, its options as scapy names them."""
    return bytes(BOOTP(op=op, chaddr=mac, yiaddr=given, ciaddr=has, xid=7) / DHCP(options=[("message-type", kind), *options, "end"]))


def question(name: str) -> bytes:
    """A question for an address, of DNS, mDNS or LLMNR."""
    return bytes(DNS(rd=0, qd=[DNSQR(qname=name)]))


def answer(name: str, *addresses: str, recursive: bool = True) -> bytes:
    """A server's answer to a question for an address, its names compressed."""
    records = [DNSRR(rrname=name, type="AAAA" if ":" in address else "A", rdata=address) for address in addresses]
    return bytes(DNS(qr=1, rd=1, ra=int(recursive), aa=int(not recursive), qd=[DNSQR(qname=name)], an=records))


def _mdns() -> bytes:
    records = [DNSRR(rrname="plc7.local", type="A", rdata="192.168.0.7"), DNSRRHINFO(rrname="plc7.local", cpu="ARM", os="VxWorks"),
               DNSRRSRV(rrname="Web server._http._tcp.local", target="plc7.local", port=80),
               DNSRR(rrname="7.0.168.192.in-addr.arpa", type="PTR", rdata="plc7.local"),
               DNSRR(rrname="plc7._device-info._tcp.local", type="TXT", rdata=[b"model=CPX-E"])]
    return bytes(DNS(qr=1, aa=1, qd=[], an=records))


def llmnr_answer(name: str, address: str) -> bytes:
    return bytes(LLMNRResponse(id=5, qd=[DNSQR(qname=name)], an=[DNSRR(rrname=name, type="A", rdata=address)]))


def nbns_answer(name: str, address: str) -> bytes:
    """A host's answer to a broadcast request."""
    return bytes(NBNSHeader(RESPONSE=1, NM_FLAGS=0x50) / NBNSQueryResponse(RR_NAME=name, ADDR_ENTRY=[NBNS_ADD_ENTRY(NB_ADDRESS=address)]))


def _nbns() -> tuple[bytes, ...]:
    own = [NBNSNodeStatusResponseService(NETBIOS_NAME=b"HISTORIAN      ", SUFFIX=0, NAME_FLAGS=0x04),
           NBNSNodeStatusResponseService(NETBIOS_NAME=b"PLANT          ", SUFFIX=0, NAME_FLAGS=0x84)]
    return (
        bytes(NBNSHeader(NM_FLAGS=0x11) / NBNSQueryRequest(QUESTION_NAME="FILESERVER", SUFFIX=0x4141)),
        bytes(NBNSHeader(OPCODE=5, NM_FLAGS=0x11) / NBNSRegistrationRequest(QUESTION_NAME="HISTORIAN", NB_ADDRESS="192.168.0.9")),
        nbns_answer("HISTORIAN", "192.168.0.9"),
        bytes(NBNSHeader(RESPONSE=1, NM_FLAGS=0x40)
              / NBNSNodeStatusResponse(RR_NAME="*", NODE_NAME=own, MAC_ADDRESS="00:1b:1b:00:00:09", STATISTICS=bytes(40))),
    )


def snmp(community: str, pdu: object, version: str = "v2c") -> bytes:
    return bytes(SNMP(version=version, community=community, PDU=pdu))


def bound(number: str, value: object) -> SNMPvarbind:
    return SNMPvarbind(oid=ASN1_OID(number), value=value)


_DESCRIPTION: Final = b"Siemens, SIMATIC NET, SCALANCE X208, 6GK5 208-0BA10-2AA3, HW: 5, FW: V4.03, VPC8521144"
_SYSTEM: Final = [bound("1.3.6.1.2.1.1.1.0", ASN1_STRING(_DESCRIPTION)), bound("1.3.6.1.2.1.1.2.0", ASN1_OID("1.3.6.1.4.1.4196.1.1")),
                  bound("1.3.6.1.2.1.1.5.0", ASN1_STRING(b"cabinet7"))]


def _cdp() -> bytes:
    made = CDPMsgDeviceID(val=b"core-1") / CDPMsgAddr(addr=CDPAddrRecordIPv4(addr="192.168.0.254")) / CDPMsgPortID(iface=b"Gi0/7")
    made = made / CDPMsgCapabilities(cap=0x28) / CDPMsgPlatform(val=b"cisco WS-C2960-24TT-L") / CDPMsgSoftwareVersion(
        val=b"Cisco IOS Software, C2960 Software (C2960-LANBASEK9-M), Version 12.2(55)SE, RELEASE SOFTWARE (fc2)")
    return bytes(CDPv2_HDR(vers=2, msg=[made]))


def _ntlm() -> bytes:
    """NTLMSSP AUTHENTICATE: PLANT\\operator from HMI-1, Windows 10.0 build 19041 (MS-NLMP 2.2.1.3)."""
    texts = [bytes(24), bytes(24), *(text.encode("utf-16-le") for text in ("PLANT", "operator", "HMI-1")), b""]
    at, fields = 72, b""
    for octets in texts:
        fields += struct.pack("<HHI", len(octets), len(octets), at)
        at += len(octets)
    return b"NTLMSSP\0\3\0\0\0" + fields + struct.pack("<IBBHI", 0x02000001, 10, 0, 19041, 0x0F000000) + b"".join(texts)


def _smb() -> bytes:
    """SESSION_SETUP with it (MS-SMB2 2.2.5)."""
    blob = _ntlm()
    header = b"\xfeSMB" + struct.pack("<HHIHHIIQIIQ16s", 64, 1, 0, 1, 31, 0, 0, 3, 0xFEFF, 0, 0x41, b"")
    message = header + struct.pack("<HBBIIHHQ", 25, 0, 1, 0, 0, 88, len(blob), 0) + blob
    return len(message).to_bytes(4, "big") + message


def _client_hello(name: str) -> bytes:
    """A ClientHello of TLS 1.3 with a server name (RFC 8446 4.1.2, RFC 6066 3)."""
    def vector(size: int, content: bytes) -> bytes:
        return len(content).to_bytes(size, "big") + content

    meant = b"\0\0" + vector(2, vector(2, b"\0" + vector(2, name.encode())))
    body = b"\3\3" + bytes(32) + vector(1, b"") + vector(2, b"\x13\1\x13\2") + b"\1\0" + vector(2, meant + b"\0\x2b" + vector(2, b"\2\3\4"))
    return b"\x16\3\1" + vector(2, b"\1" + vector(3, body))


def _bind() -> bytes:
    """A bind of svcctl (C706 12.6.4.3)."""
    interface = UUID("367abb81-9844-35f1-ad32-98f038001003").bytes_le + struct.pack("<HH", 2, 0)
    syntax = UUID("8a885d04-1ceb-11c9-9fe8-08002b104860").bytes_le + struct.pack("<I", 2)
    body = struct.pack("<HHIBBHHBB", 4280, 4280, 0, 1, 0, 0, 0, 1, 0) + interface + syntax
    return struct.pack("<BBBB4sHHI", 5, 0, 11, 3, b"\x10\0\0\0", 16 + len(body), 0, 2) + body


def _cookie() -> bytes:
    """A connection request of RDP (MS-RDPBCGR 2.2.1.1)."""
    body = b"\xe0\0\0\0\0\0Cookie: mstshash=operator\r\n\x01\0\x08\0\x03\0\0\0"
    return b"\x03\0" + (5 + len(body)).to_bytes(2, "big") + bytes([len(body)]) + body


def _connect() -> bytes:
    """CONNECT of MQTT 3.1.1 with user and password."""
    fields = b"".join(len(text).to_bytes(2, "big") + text for text in (b"pump-7", b"plant", b"secret"))
    body = b"\0\4MQTT\4\xc2\0\x3c" + fields
    return bytes([0x10, len(body)]) + body


SEEDS: Final[dict[str, tuple[bytes, ...]]] = {
    "lldp": (_lldp(),),
    "dhcp": (
        dhcp("request", ("hostname", b"hmi-3"), ("vendor_class_id", b"MSFT 5.0"), ("param_req_list", [1, 3, 6, 15]), has="192.168.0.31"),
        dhcp("offer", ("server_id", "192.168.0.1"), ("router", "192.168.0.1"), ("name_server", "192.168.0.2"), op=2, given="192.168.0.31"),
    ),
    "dns": (
        bytes(DNS(rd=1, qd=[DNSQR(qname="historian.plant.example")])),
        answer("historian.plant.example", "192.168.0.9", "fd00::9"),
        bytes(DNS(qr=1, ra=1, qd=[DNSQR(qname="9.0.168.192.in-addr.arpa", qtype="PTR")],
                  an=[DNSRR(rrname="9.0.168.192.in-addr.arpa", type="PTR", rdata="historian.plant.example")])),
    ),
    "mdns": (_mdns(), bytes(DNS(qd=[DNSQR(qname="_workstation._tcp.local", qtype="PTR")]))),
    "llmnr": (bytes(LLMNRQuery(id=5, qd=[DNSQR(qname="wpad")])), llmnr_answer("hmi-3", "192.168.0.31")),
    "nbns": _nbns(),
    "snmp": (
        snmp("public", SNMPresponse(id=9, varbindlist=_SYSTEM)),
        snmp("s3cret", SNMPtrapv2(id=9, varbindlist=_SYSTEM[2:])),
        snmp("private", SNMPresponse(id=9, varbindlist=_SYSTEM[:1]), version="v1"),
    ),
    "cdp": (_cdp(),),
    "ntp": (bytes(NTPHeader(mode=4, stratum=1, ref_id=b"GPS\0", sent=3_900_000_000)), bytes(NTPHeader(mode=5, stratum=2, sent=3_900_000_000))),
    "smb": (_smb(),),
    "msrpc": (_bind(),),
    "http": (b"GET /status HTTP/1.1\r\nHost: hmi.plant\r\nUser-Agent: curl/8.5\r\nAuthorization: Basic b3BlcmF0b3I6c2VjcmV0\r\n\r\n",),
    "ftp": (b"PASS secret\r\n",),
    "tls_handshake": (_client_hello("historian.plant"),),
    "ssh": (b"SSH-2.0-OpenSSH_9.2p1\r\n",),
    "telnet": (b"\xff\xfb\x01\xff\xfd\x18Moxa NPort 5110\r\n",),
    "rdp": (_cookie(),),
    "vnc": (b"RFB 003.008\n",),
    "mqtt": (_connect(),),
}

OF_SERVERS: Final = frozenset({"telnet"})  # whose seeds a server sends
