"""Makes the captures of this folder: for a rule one that fires it (`RULE.fires.pcap`) and one beside it that must not (`RULE.silent.pcap`).

    python pcaps/made/make.py [--check] [RULE...]

Packets are written by hand (tests/evasion/wire.py), every length and checksum right, the same bytes at every run; --check says which files differ.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

import dnp3  # noqa: E402
import modbus  # noqa: E402
import names  # noqa: E402
import network  # noqa: E402
import others  # noqa: E402
import profinet  # noqa: E402
import s7comm  # noqa: E402
from play import ENG, GUEST, HMI, MB, OFFICE, PUBLIC, S7, Play, other  # noqa: E402

Make = Callable[[], Play]
OTHERS = [other(number, S7) for number in (13, 14)]

# rule: (what its capture shows, how it is made, what the one beside it shows, how it is made)
CAPTURES: dict[str, tuple[str, Make, str, Make]] = {
    "bacnet.broadcast-table-written": (
        "the broadcast distribution table is written, and an entry of the foreign device table deleted",
        lambda: others.broadcast_table((others.WRITE_TABLE, others.DONE), (others.DELETE_ENTRY, others.DONE)),
        "the table is read",
        lambda: others.broadcast_table((others.READ_TABLE, others.TABLE)),
    ),
    "iec104.broadcast-command": (
        "a single command to all stations",
        lambda: others.stations(45, 101, b"\x01"),
        "an interrogation of all stations",
        lambda: others.stations(100, 0, b"\x14"),
    ),
    "dnp3.attribute-scan": (
        "six device attributes read",
        lambda: dnp3.several([bytes([1, 0, variation, 0, 0, 0]) for variation in (252, 250, 248, 243, 242, 211)]),
        "two",
        lambda: dnp3.several([bytes([1, 0, variation, 0, 0, 0]) for variation in (252, 250)]),
    ),
    "lateral.controller-access": (
        "the HMI opens telnet to the controller",
        lambda: network.session(HMI, MB, 23, b"login: "),
        "the controller's web page",
        lambda: network.session(HMI, MB, 80, b"GET / HTTP/1.0\r\n\r\n"),
    ),
    "lateral.controller-opens-access": (
        "the controller opens SMB to another device",
        lambda: network.controller_opens(445),
        "a broker",
        lambda: network.controller_opens(1883),
    ),
    "lateral.controller-opens-port": (
        "the controller opens port 4444 of another device",
        lambda: network.controller_opens(4444),
        "a broker",
        lambda: network.controller_opens(1883),
    ),
    "lateral.controller-service": (
        "the controller opens a broker",
        lambda: network.controller_opens(1883),
        "the HMI does",
        lambda: network.session(HMI, ENG, 1883),
    ),
    "lateral.inside-access": (
        "the HMI opens a remote desktop",
        lambda: network.session(HMI, ENG, 3389),
        "a web page",
        lambda: network.session(HMI, ENG, 80),
    ),
    "lateral.new-service": (
        "the HMI opens telnet to the controller",
        lambda: network.session(HMI, MB, 23, b"login: "),
        "only polls",
        lambda: Play().polls(),
    ),
    "lateral.shell-port": (
        "a shell on port 4444",
        lambda: network.session(ENG, HMI, 4444, b"id\n"),
        "a session on port 4443",
        lambda: network.session(ENG, HMI, 4443, b"id\n"),
    ),
    "network.ping-sweep": ("24 hosts pinged", lambda: network.pings(24), "15", lambda: network.pings(15)),
    "ot.command-from-other-card": (
        "a laptop writes to the controller under the operator's address",
        lambda: network.borrowed(GUEST.mac, writer=GUEST.mac),
        "the operator station does, and a laptop reads under its address",
        lambda: network.borrowed(GUEST.mac, writer=HMI.mac),
    ),
    "ot.command-flood": (
        "120 writes within three seconds by a host that never polled",
        lambda: modbus.rate(120, 40, write=True),
        "40",
        lambda: modbus.rate(40, 40, write=True),
    ),
    "ot.function-sweep": (
        "seven functions tried, all answered with 0x80",
        lambda: modbus.functions_answered_otherwise([7, 11, 12, 17, 20, 24, 65]),
        "four",
        lambda: modbus.functions_answered_otherwise([7, 11, 12, 17]),
    ),
    "ot.request-flood": (
        "240 reads within three seconds by a newcomer",
        lambda: modbus.rate(240, 80),
        "60",
        lambda: modbus.rate(60, 80),
    ),
    "ot.command-one-way": (
        "two writes by a newcomer; the tap shows the controller's packets only",
        lambda: s7comm.writes(2).heard_from(S7),
        "both directions",
        lambda: s7comm.writes(2),
    ),
    "ot.stop-one-way": (
        "a stop; the tap shows the controller's packets only",
        lambda: s7comm.stops([S7]).heard_from(S7),
        "both directions",
        lambda: s7comm.stops([S7]),
    ),
    "ot.silent-device": ("a minute without responses", lambda: modbus.silence(60), "twenty seconds", lambda: modbus.silence(20)),
    "dnp3.disable-unsolicited": (
        "disable unsolicited by a host that is no master",
        lambda: dnp3.one(bytes.fromhex("153c02063c03063c0406")),
        "enable unsolicited",
        lambda: dnp3.one(bytes.fromhex("143c02063c03063c0406")),
    ),
    "modbus.unit-scan": ("twelve units tried", lambda: modbus.units(12), "six", lambda: modbus.units(6)),
    "network.other-card": (
        "a laptop asks the controller under the operator's address",
        lambda: network.borrowed(GUEST.mac),
        "the second card of the operator station does",
        lambda: network.borrowed("00d0c90a1021"),
    ),
    "network.port-scan": (
        "fourteen ports tried",
        lambda: network.ports([21, 22, 23, 25, 53, 80, 110, 135, 139, 143, 443, 445, 993, 3389]),
        "eight",
        lambda: network.ports([21, 22, 23, 25, 53, 80, 110, 135]),
    ),
    "dnp3.broadcast": (
        "a direct operate to the broadcast address",
        lambda: dnp3.broadcast(0xFFFF),
        "the same to one outstation, by its master",
        lambda: dnp3.broadcast(10),
    ),
    "dnp3.configuration-activated": (
        "activate configuration",
        lambda: dnp3.one(b"\x1f"),
        "assign class",
        lambda: dnp3.one(bytes.fromhex("163c01061e0006")),
    ),
    "dnp3.function-scan": (
        "six functions refused",
        lambda: dnp3.several([bytes([function]) for function in (17, 18, 19, 24, 25, 31)], iin=dnp3.FUNCTION),
        "a start-up: two functions refused, twice",
        lambda: dnp3.several([bytes.fromhex("153c02063c03063c0406"), b"\x18"] * 3, iin=dnp3.FUNCTION),
    ),
    "dnp3.address-scan": (
        "reads from eight link addresses on one connection",
        lambda: dnp3.masters([*range(8)]),
        "from two",
        lambda: dnp3.masters([1, 1, 1, 2, 1, 1, 1, 1]),
    ),
    "dnp3.outstation-scan": (
        "reads from twelve outstation addresses",
        lambda: dnp3.outstations([*range(12)]),
        "from four",
        lambda: dnp3.outstations([8, 9, 10, 11] * 3),
    ),
    "dnp3.link-scan": ("link status of six addresses", lambda: dnp3.links(6), "of four", lambda: dnp3.links(4)),
    "dnp3.object-scan": (
        "eight groups of objects refused",
        lambda: dnp3.reads([1, 3, 10, 20, 30, 40, 50, 110]),
        "one group refused twelve times",
        lambda: dnp3.reads([30] * 12),
    ),
    "dnp3.operate-without-select": ("operate alone", lambda: dnp3.operate(False), "select, then operate", lambda: dnp3.operate(True)),
    "dnp3.spoofed-response": (
        "two different responses to each of three reads",
        lambda: dnp3.answered_twice(True),
        "one response to each",
        lambda: dnp3.answered_twice(False),
    ),
    "dnp3.virtual-terminal": (
        "a virtual terminal output block",
        lambda: dnp3.one(bytes([2, 112, 3, 0x17, 1, 0]) + b"ls\n"),
        "an octet string",
        lambda: dnp3.one(bytes([2, 110, 3, 0x17, 1, 0]) + b"abc"),
    ),
    "modbus.change-delimiter": ("diagnostics 3", lambda: modbus.delimiter(3), "diagnostics 0", lambda: modbus.delimiter(0)),
    "modbus.function-scan": (
        "five functions refused",
        lambda: modbus.functions([7, 11, 12, 17, 20]),
        "one function refused ten times",
        lambda: modbus.functions([20] * 10),
    ),
    "modbus.hidden-message": (
        "a write behind the fields of a read, within its length",
        lambda: modbus.hidden(modbus.adu(modbus.pdu(6, 7, 666), transaction=10)),
        "the read alone",
        lambda: modbus.hidden(b""),
    ),
    "modbus.role-reversed": (
        "the controller sends a read on its master's connection",
        lambda: modbus.reversed_roles(True),
        "the master does",
        lambda: modbus.reversed_roles(False),
    ),
    "modbus.spoofed-response": (
        "two different responses to each of three requests",
        lambda: modbus.two_responses(False),
        "one response to each",
        lambda: modbus.two_responses(True),
    ),
    "modbus.umas-reservation": ("UMAS 0x10", lambda: modbus.umas(0x10), "UMAS 0x12", lambda: modbus.umas(0x12)),
    "names.conflicting-dhcp-server": (
        "a laptop gives addresses, and itself as the gateway",
        lambda: names.addresses(GUEST.ip),
        "two servers that give the same",
        lambda: names.addresses("192.168.10.1"),
    ),
    "names.default-snmp-community": (
        "the controller answers the community public",
        lambda: names.read("public"),
        "one that is no default",
        lambda: names.read("p8x4-plant"),
    ),
    "names.internet-name-resolved": (
        "the HMI is given the address of a host of the internet",
        lambda: names.resolved("8.8.8.8"),
        "of a host of the plant",
        lambda: names.resolved("192.168.10.40"),
    ),
    "names.several-names-answered": (
        "a laptop answers for three names that are not there",
        lambda: names.answered(3),
        "for one name",
        lambda: names.answered(1),
    ),
    "names.snmp-write": (
        "a laptop writes an object of the controller",
        lambda: names.written(0),
        "the controller refuses it",
        lambda: names.written(17),
    ),
    "network.address-conflict": (
        "a second card claims the controller's address",
        lambda: network.conflict(2),
        "its own",
        lambda: network.conflict(1),
    ),
    "network.dark-space": ("an address that nobody has", lambda: network.unused(200), "a closed port of the controller", lambda: network.unused(10)),
    "network.flood": ("2,100 connections in eight seconds", lambda: network.flood(2100), "400", lambda: network.flood(400)),
    "network.fragment-evasion": (
        "fragments that contradict each other",
        lambda: network.fragments(True),
        "fragments that agree",
        lambda: network.fragments(False),
    ),
    "network.host-sweep": ("port 445 of 24 hosts", lambda: network.sweep(24, 445), "of 15", lambda: network.sweep(15, 445)),
    "network.internet-to-ot": (
        "a public address opens a connection to a controller",
        lambda: network.from_internet(True),
        "a host of the plant does",
        lambda: network.from_internet(False),
    ),
    "network.login-attempts": (
        "twelve ssh sessions in six seconds",
        lambda: network.session(GUEST, ENG, 22, b"SSH-2.0-OpenSSH_9.2\r\n", times=12),
        "eight",
        lambda: network.session(GUEST, ENG, 22, b"SSH-2.0-OpenSSH_9.2\r\n", times=8),
    ),
    "network.ot-connection-flood": (
        "120 connections to the controller within six seconds",
        lambda: network.connections(120),
        "60",
        lambda: network.connections(60),
    ),
    "network.ot-host-sweep": ("port 102 of eight hosts", lambda: network.sweep(8, 102), "of four", lambda: network.sweep(4, 102)),
    "network.ot-protocol-to-internet": (
        "the HMI reads registers of a public address",
        lambda: modbus.elsewhere(PUBLIC),
        "of an address of the office",
        lambda: modbus.elsewhere(OFFICE),
    ),
    "network.ot-to-internet": (
        "the engineering station opens a connection to a public address",
        lambda: network.to_internet(True),
        "to the office",
        lambda: network.to_internet(False),
    ),
    "network.stream-evasion": (
        "a segment sent again with other bytes",
        lambda: network.retransmission(False),
        "with the same",
        lambda: network.retransmission(True),
    ),
    "ot.force": ("force", lambda: s7comm.programmer(0x09), "the blink of a light", lambda: s7comm.programmer(0x16)),
    "ot.login-failures": ("four passwords refused", lambda: s7comm.passwords(4), "two refused", lambda: s7comm.passwords(2)),
    "ot.mass-operation": (
        "six points operated within two seconds",
        lambda: dnp3.several([b"\x05" + dnp3.crob(index) for index in range(6)], echo=True),
        "four",
        lambda: dnp3.several([b"\x05" + dnp3.crob(index) for index in range(4)], echo=True),
    ),
    "ot.recon-then-command": ("identity and blocks read, then a write", lambda: s7comm.recon(True), "only read", lambda: s7comm.recon(False)),
    "ot.same-command-on-many": (
        "three controllers stopped by one host",
        lambda: s7comm.stops([S7, *OTHERS]),
        "two",
        lambda: s7comm.stops([S7, OTHERS[0]]),
    ),
    "profinet.claimed-twice": (
        "the unknown host answers to the pump's name, too",
        lambda: profinet.claimed((profinet.PUMP, b"pump-1"), (profinet.UNKNOWN, b"pump-1")),
        "the pump alone",
        lambda: profinet.claimed((profinet.PUMP, b"pump-1")),
    ),
    "profinet.controller-changed": (
        "an unknown host connects to a device that has its controller",
        lambda: profinet.taken(released=False),
        "its controller starts the device again",
        profinet.restarted,
    ),
    "profinet.factory-reset": (
        "a device is reset to factory settings",
        lambda: profinet.with_set(5, 6, b"\0\4"),
        "a device is told to flash",
        lambda: profinet.with_set(5, 3, b"\0\0\1\0"),
    ),
    "profinet.foreign-provider": (
        "an unknown host sends the controller the pump's data",
        lambda: profinet.provided(profinet.UNKNOWN, 0x8001),
        "it sends others, under a frame id of its own",
        lambda: profinet.provided(profinet.UNKNOWN, 0x8007),
    ),
    "profinet.identify-sweep": (
        "an unknown host asks all devices who they are",
        lambda: profinet.listed(profinet.UNKNOWN, None),
        "the controller asks for a name",
        lambda: profinet.listed(profinet.PLC, b"pump-1"),
    ),
    "profinet.name-or-address-set": (
        "an unknown host renames the pump",
        lambda: profinet.named(b"pump-9"),
        "the controller starts it again, with an address until the next power-off",
        profinet.restarted,
    ),
    "s7comm.access-errors": (
        "six data blocks refused",
        lambda: s7comm.reads([(number, 0) for number in range(100, 106)]),
        "one refused twelve times",
        lambda: s7comm.reads([(100, 0)] * 12),
    ),
    "s7comm.debugging": ("a breakpoint", lambda: s7comm.programmer(0x0B), "a variable table that is watched", lambda: s7comm.programmer(0x02)),
    "s7comm.mode-changed": ("the controller reports STOP", lambda: s7comm.mode(0), "RUN", lambda: s7comm.mode(2)),
    "s7comm.modify-variable": ("a variable table that writes", lambda: s7comm.programmer(0x08), "that watches", lambda: s7comm.programmer(0x02)),
    "s7comm.spoofed-response": ("answers without a request", lambda: s7comm.answers(True), "none", lambda: s7comm.answers(False)),
    "s7comm.system-block-download": ("a system data block", lambda: s7comm.download(b"0B"), "a data block", lambda: s7comm.download(b"0A")),
    "s7comm.tsap-scan": ("six slots tried", lambda: s7comm.slots(6), "three", lambda: s7comm.slots(3)),
}
PACKED = {"network.flood"}  # compressed, as it is large



def files(rule: str, folder: Path) -> list[Path]:
    """Makes both captures of a rule, each with its provenance beside it."""
    shows, fires, beside, silent = CAPTURES[rule]
    made = []
    for kind, text, make in (("fires", shows, fires), ("silent", beside, silent)):
        path = make().run().write(folder / f"{rule}.{kind}.pcap")
        if rule in PACKED:
            packed = path.with_suffix(".pcap.gz")
            packed.write_bytes(gzip.compress(path.read_bytes(), mtime=0))
            path.unlink()
            path = packed
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        (folder / f"{rule}.{kind}.yaml").write_text(
            f"capture: {path.name}\nrule: {rule}\nfires: {'true' if kind == 'fires' else 'false'}\nshows: {text!r}\n"
            "origin: made packet by packet by a script of this project; no traffic of a real plant\n"
            f"licence: BSD-3-Clause, as the project\nscript: pcaps/made/make.py\nsha256: {digest}\n"
        )
        made += [path, folder / f"{rule}.{kind}.yaml"]
    return made


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("rules", nargs="*", help="only these")
    parser.add_argument("--check", action="store_true", help="make nothing; say what differs")
    options = parser.parse_args()
    different = []
    for rule in options.rules or CAPTURES:
        with TemporaryDirectory() as folder:
            for made in files(rule, Path(folder)):
                kept = HERE / made.name
                if not kept.exists() or kept.read_bytes() != made.read_bytes():
                    different.append(made.name)
                    if not options.check:
                        kept.write_bytes(made.read_bytes())
    for name in different:
        print(f"{name} {'differs' if options.check else 'written'}")
    return 1 if options.check and different else 0


if __name__ == "__main__":
    sys.exit(main())
