"""The page on encapsulations: what is read, what is only named, and what of that may carry other traffic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from protocol_pages import NOTE

from otwatch.decode.unread import CONTENT, ETHERTYPES, IP_PROTOCOLS, LLC, PPP, SNAP, Name
from otwatch.limits import Limits
from otwatch.markdown import table
from otwatch.vocabulary import Tunnel

# name, how it is recognised, standard, value of `tunnel`
READ: tuple[tuple[str, str, str, Tunnel | None], ...] = (
    ("VLAN tags, any number", "EtherType 0x8100, 0x88A8, 0x9100, 0x9200, 0x9300", "IEEE 802.1Q, 802.1ad", None),
    ("HSR", "EtherType 0x892F", "IEC 62439-3", None),
    ("R-TAG", "EtherType 0xF1C1", "IEEE 802.1CB", None),
    ("VN-Tag", "EtherType 0x8926", "Cisco", None),
    ("E-TAG", "EtherType 0x893F", "IEEE 802.1BR", None),
    ("Cisco metadata (CMD)", "EtherType 0x8909, version 1", "Cisco TrustSec", None),
    ("MACsec without encryption", "EtherType 0x88E5, bits E and C clear", "IEEE 802.1AE clause 9", None),
    ("Provider backbone bridges", "EtherType 0x88E7", "IEEE 802.1ah", Tunnel.PBB),
    ("TRILL", "EtherType 0x22F3", "RFC 6325", Tunnel.TRILL),
    ("FabricPath", "EtherType 0x8903", "Cisco", Tunnel.FABRICPATH),
    ("MPLS, pseudo-wires", "EtherType 0x8847, 0x8848; IP protocol 137; UDP port 6635 with labels before IP", "RFC 3032, 4448, 7510", Tunnel.MPLS),
    ("PPPoE session", "EtherType 0x8864", "RFC 2516", Tunnel.PPPOE),
    ("NSH", "EtherType 0x894F, also in GRE and VXLAN-GPE", "RFC 8300", Tunnel.NSH),
    ("IP in IP", "IP protocol 4, 41, 94", "RFC 2003, 4213", Tunnel.IP_IN_IP),
    ("GRE, PPTP", "IP protocol 47; UDP port 4754", "RFC 2784, 2890, 2637, 8086", Tunnel.GRE),
    ("ERSPAN type I", "GRE protocol 0x88BE without sequence number", "draft-foschiano-erspan", Tunnel.ERSPAN_I),
    ("ERSPAN type II", "GRE protocol 0x88BE, version 1", "draft-foschiano-erspan", Tunnel.ERSPAN_II),
    ("ERSPAN type III", "GRE protocol 0x22EB, version 2", "draft-foschiano-erspan", Tunnel.ERSPAN_III),
    ("EoIP", "GRE version 1, protocol 0x6400", "MikroTik", Tunnel.EOIP),
    ("EtherIP; Ethernet in SRv6", "IP protocol 97, 143", "RFC 3378, 8986", Tunnel.ETHERIP),
    ("L2TPv2", "UDP port 1701; any port when PPP with an IP packet that ends with the datagram is inside", "RFC 2661", Tunnel.L2TP),
    ("L2TPv3", "IP protocol 115, UDP port 1701; the length of the cookie is found by trying, and that is said", "RFC 3931", Tunnel.L2TP),
    ("VXLAN, VXLAN-GPE", "UDP port 4789, 8472, 4790; any port when a whole frame is inside", "RFC 7348", Tunnel.VXLAN),
    ("Geneve", "UDP port 6081", "RFC 8926", Tunnel.GENEVE),
    ("GTP-U", "UDP port 2152; any port when all lengths fit", "3GPP TS 29.281", Tunnel.GTP_U),
    ("TZSP", "UDP port 37008; any port when a whole frame is inside", "TaZmen Sniffer Protocol", Tunnel.TZSP),
    ("Teredo", "UDP port 3544; any port when an address of 2001::/32 is inside", "RFC 4380", Tunnel.TEREDO),
)


def page() -> str:
    """The page."""
    return "\n".join(
        [
            "# Encapsulations\n",
            NOTE,
            "Headers between the card's address and the message. They may stand in each other in any order; the outermost is in the columns "
            f"`tunnel` and `tunnel_id`. Up to {Limits().tunnel_depth} tunnels in each other are unwrapped; one more is `network.tunnel-too-deep`.\n",
            "## Read\n",
            table(("encapsulation", "recognised by", "standard", "`tunnel`"),
                  *((name, how, standard, f"`{tunnel.name.lower()}`" if tunnel else "") for name, how, standard, tunnel in READ)),
            "## Named, not read\n",
            "What may carry other traffic makes a result incomplete: the blind spot names it, with the number of packets. An EtherType, IP protocol, "
            "LLC or SNAP service that is in none of these lists may carry anything.\n",
            table(("name", "recognised by", "may carry other traffic"), *_named()),
            "## In TCP\n",
            "A TCP connection that speaks no known protocol is held against its first bytes. Within a plant, TLS and SSH are how machines are looked "
            "after, and what a SPAN port shows of IT says nothing of controllers: there they are listed as conversations, and the result is whole.\n",
            table(("name", "recognised by", "makes the result incomplete"),
                  ("OpenVPN over TCP", "length, opcode and packet id of its first message, on any port", "always: it is a tunnel"),
                  ("TLS", "a record of version 3.0 to 3.4",
                   "between an OT host (one that uses a decoded OT protocol) and an address of the internet"),
                  ("SSH", "`SSH-`", "likewise")),
        ]
    )


def _named() -> Iterable[tuple[str, str, str]]:
    rows = [(name.name, "content", name.carries) for name in CONTENT.values()]
    for where, known in _FIELDS.items():
        digits = "d" if where == "IP protocol" else "#06x"
        rows += [(name.name, f"{where} {number:{digits}}", name.carries) for number, name in known.items()]
    for name, how, carries in sorted(rows, key=lambda row: (not row[2], row[0].lower(), row[1])):
        yield name, how, "yes" if carries else "no"


_FIELDS: dict[str, Mapping[int, Name]] = {"EtherType": ETHERTYPES, "IP protocol": IP_PROTOCOLS, "LLC": LLC, "SNAP": SNAP, "PPP": PPP}
