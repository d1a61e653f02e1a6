"""Captures of rules on names, addresses and administration in plain traffic. Their messages are built by scapy (tests/protocols/seeds.py)."""

from __future__ import annotations

from play import ENG, GUEST, HMI, MB, Play
from scapy.asn1.asn1 import ASN1_STRING
from scapy.layers.snmp import SNMPget, SNMPresponse, SNMPset

from tests.evasion.wire import Host, udp
from tests.protocols.seeds import answer, bound, dhcp, llmnr_answer, nbns_answer, question, snmp

EVERYBODY = Host("255.255.255.255", "ffffffffffff", "ff02::1")
NOBODY = Host("0.0.0.0", HMI.mac, "::")
LLMNR_GROUP = Host("224.0.0.252", "01005e0000fc", "ff02::1:3")
RESOLVER = ENG
_CONTACT = "1.3.6.1.2.1.1.4.0"


def say(play: Play, seconds: float, source: Host, target: Host, ports: tuple[int, int], payload: bytes) -> None:
    """One UDP datagram then."""
    play.at(seconds, lambda: play.capture.datagram(source, target, 17, udp(source, target, ports, payload)))


def addresses(second_gives: str) -> Play:
    """The HMI asks for an address; two servers answer, the second one with this gateway."""
    play = Play().polls()
    mac = bytes.fromhex(HMI.mac)
    say(play, 3, NOBODY, EVERYBODY, (68, 67), dhcp("discover", ("hostname", b"hmi-3"), mac=mac))
    for seconds, server, gateway in ((3.1, ENG, "192.168.10.1"), (3.2, GUEST, second_gives)):
        offer = dhcp("offer", ("server_id", server.ip), ("router", gateway), ("name_server", gateway), op=2, given=HMI.ip, mac=mac)
        say(play, seconds, server, EVERYBODY, (67, 68), offer)
    return play


def answered(names: int) -> Play:
    """Hosts ask their network for names; the laptop answers for these, by LLMNR and NBNS."""
    play = Play().polls()
    for number, name in enumerate(("wpad", "fileserv", "prinetr")[:names]):
        say(play, 3 + number, HMI, LLMNR_GROUP, (50_100 + number, 5355), question(name))
        say(play, 3.1 + number, GUEST, HMI, (5355, 50_100 + number), llmnr_answer(name, GUEST.ip))
        say(play, 3.2 + number, GUEST, HMI, (137, 137), nbns_answer(name.upper(), GUEST.ip))
    return play


def written(error: int) -> Play:
    """The laptop writes an object of the controller by SNMP, with this error in the response."""
    play = Play().polls()
    say(play, 5, GUEST, MB, (50_200, 161), snmp("s3cret", SNMPset(id=7, varbindlist=[bound(_CONTACT, ASN1_STRING(b"x"))])))
    say(play, 5.1, MB, GUEST, (161, 50_200), snmp("s3cret", SNMPresponse(id=7, error=error, varbindlist=[bound(_CONTACT, ASN1_STRING(b"x"))])))
    return play


def read(community: str) -> Play:
    """The HMI reads an object of the controller by SNMP."""
    play = Play().polls()
    say(play, 5, HMI, MB, (50_300, 161), snmp(community, SNMPget(id=8, varbindlist=[bound(_CONTACT, ASN1_STRING(b""))])))
    say(play, 5.1, MB, HMI, (161, 50_300), snmp(community, SNMPresponse(id=8, varbindlist=[bound(_CONTACT, ASN1_STRING(b"x"))])))
    return play


def resolved(address: str) -> Play:
    """The HMI asks the resolver of the plant for a name that has this address."""
    play = Play().polls()
    say(play, 5, HMI, RESOLVER, (50_400, 53), question("update.maker.example"))
    say(play, 5.1, RESOLVER, HMI, (53, 50_400), answer("update.maker.example", address))
    return play
