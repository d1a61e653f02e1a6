"""Every identity that tshark prints against the asset on which it must stand: `python -m tests.inventory.identities CAPTURE...` prints the table of
docs/reference/identities.md. None may be missing, none invented.

What is compared is (address, kind, value). Values that stock tshark does not print (Modbus report server id and UMAS, S7comm-plus, PCCC status) are
counted apart.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from itertools import zip_longest
from pathlib import Path
from typing import Final

import click

from otwatch.protocols.kit.cip import vendor
from otwatch.protocols.kit.claims import is_own
from otwatch.protocols.kit.descriptions import described
from otwatch.protocols.kit.domain_names import reverse
from otwatch.protocols.pn_dcp.spec import VENDORS
from tests.cli.calling import otwatch
from tests.inventory import it_identities

Said = tuple[str, str, str]  # address, kind, value
_NOT_PRINTED: Final = ("modbus.report_server_id", "modbus.umas", "s7comm-plus.", "pccc.diagnostic_status")
_TUNNELS: Final = ("--enable-heuristic", "teredo_udp", "-d", "udp.port==4754,gre")  # which stock tshark leaves undecoded
_BACNET: Final = {
    "vendor-name": "vendor", "model-name": "model", "firmware-revision": "firmware", "application-software-version": "software",
    "location": "location", "serial-number": "serial",
}
_MODBUS: Final = {"0": "vendor", "1": "order_number", "2": "firmware", "4": "name", "5": "model", "6": "plant"}
_DNP3: Final = {
    "0x00c8": "", "0x00d0": "plant", "0x00f2": "firmware", "0x00f3": "hardware", "0x00f5": "location", "0x00f6": "order_number", "0x00f7": "name",
    "0x00f8": "serial", "0x00fa": "model", "0x00fc": "vendor",
}
_SZL: Final = {  # field -> kind
    "0001.name": "name", "0002.name": "module", "0003.tag": "plant", "0004.copyright": "copyright", "0005.serialn": "serial",
    "0007.cputypname": "model", "0008.snmcmmc": "memory_card_serial",
}
KINDS: Final = frozenset(
    {"vendor", "model", "order_number", "firmware", "hardware", "boot_loader", "software", "serial", "name", "location", "plant", "module",
     "copyright", "memory_card_serial", "device_instance", "vendor_id", "os", "description", "dhcp_vendor_class", "device_info"}
) | it_identities.KINDS


@dataclass(slots=True)
class Compared:
    """One capture."""

    name: str
    printed: set[Said] = field(default_factory=set)  # by tshark
    found: dict[Said, str] = field(default_factory=dict)  # on assets -> source

    @property
    def missing(self) -> set[Said]:
        return {one for one in self.printed if one not in self.found}

    @property
    def invented(self) -> set[Said]:
        return {one for one, source in self.found.items() if one not in self.printed and not source.startswith(_NOT_PRINTED)}

    @property
    def beyond(self) -> int:
        """Of messages that stock tshark does not decode."""
        return sum(source.startswith(_NOT_PRINTED) for source in self.found.values())


def _fields(capture: Path, chosen: str, names: Iterable[str]) -> Iterator[list[list[str]]]:
    """Per frame the occurrences of each field, the source and destination of the innermost packet first."""
    wanted = ["frame.protocols", "ip.src", "ipv6.src", "ip.dst", "ipv6.dst", *names]
    command = ["tshark", *_TUNNELS, "-r", str(capture), "-Y", chosen, "-T", "fields"]
    command += ["-E", "occurrence=a", "-E", "aggregator=\x1f", "-E", "separator=\x1e"]
    for name in wanted:
        command += ["-e", name]
    done = subprocess.run(command, capture_output=True, check=False)
    for line in done.stdout.decode("utf-8", "replace").split("\n"):  # not splitlines: the separator is a line to it
        cells = line.split("\x1e")
        if len(cells) == len(wanted):
            protocols, old, new, old_to, new_to, *others = ([*cell.split("\x1f")] if cell else [] for cell in cells)
            six = protocols[0].rfind(":ipv6") > protocols[0].rfind(":ip:") if protocols else False
            yield [(new if six else old) or [""], (new_to if six else old_to) or [""], *others]


def _s7(capture: Path) -> Iterator[Said]:
    names = [f"s7comm.szl.xy11.0001.{name}" for name in ("index", "anz", "ausbg", "ausbe")]  # anz is the order number (MlfB)
    for address, _, indices, orders, high, low in _fields(capture, "s7comm.szl.xy11.0001.index", names):
        for index, order, first, second in zip_longest(indices, orders, high, low, fillvalue=""):
            if not second:  # the list ends early: of its last record tshark prints the order number
                if order and int(index, 0) == 1:
                    yield address[0], "order_number", order.strip()
                continue
            number, one, two = int(index, 0), int(first, 0), int(second, 0)
            major = " " if one & 0xFF == 0x20 else f"{one & 0xFF}."  # a blank instead of a number
            version = f"{major}{two >> 8}.{two & 0xFF}"
            if number == 1:
                yield address[0], "order_number", order.strip()
                yield address[0], "hardware", str(one)
            elif number == 7:
                yield address[0], "firmware", f"{chr(one >> 8)}{version}"
            elif number == 0x81:
                yield address[0], "boot_loader", f"{chr(one >> 8)}{version}"
    for suffix, kind in _SZL.items():
        for address, _, values in _fields(capture, f"s7comm.szl.001c.{suffix}", [f"s7comm.szl.001c.{suffix}"]):
            yield from ((address[0], kind, value.strip("\0 ")) for value in values)
    maker = "s7comm.szl.001c.0009.manufacturer_id"
    for address, _, values in _fields(capture, f"{maker} == 0x002a", [maker]):
        yield from ((address[0], "vendor", "Siemens") for _ in values)


def _modbus(capture: Path) -> Iterator[Said]:
    for address, _, numbers, values in _fields(capture, "modbus.object_str_value", ["modbus.object_id", "modbus.object_str_value"]):
        yield from ((address[0], _MODBUS[number], value.strip()) for number, value in zip(numbers, values, strict=False) if number in _MODBUS)


def _mms(capture: Path) -> Iterator[Said]:
    for address, _, *values in _fields(capture, "mms.vendorName", ["mms.vendorName", "mms.modelName", "mms.revision"]):
        yield from ((address[0], kind, value) for kind, found in zip(("vendor", "model", "firmware"), values, strict=True) for value in found)


def _dnp3(capture: Path) -> Iterator[Said]:
    for address, _, objects, values in _fields(capture, "dnp3.al.da.value", ["dnp3.al.obj", "dnp3.al.da.value"]):
        if len(objects) == len(values):
            yield from ((address[-1], _DNP3[one], value.strip()) for one, value in zip(objects, values, strict=True) if _DNP3.get(one))


def _bacnet(capture: Path) -> Iterator[Said]:
    """The text of the dissection: its fields do not say which object a value is of."""
    chosen = "bvlc.function != 0x04 && ((bacapp.type == 3 && bacapp.confirmed_service in {12, 14}) || bacapp.unconfirmed_service == 0)"
    done = subprocess.run(["tshark", *_TUNNELS, "-r", str(capture), "-Y", chosen, "-V"], capture_output=True, check=False)
    address, device, own, announced, several = "", False, "", False, False
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        if line.startswith("Internet Protocol Version 4"):
            address = line.partition("Src: ")[2].partition(",")[0]
        elif line.startswith("Building Automation and Control Network APDU"):
            device = announced = several = False
            own = ""
        elif "Service Choice: readPropertyMultiple" in line:
            several = True
        elif "Unconfirmed Service Choice: i-Am" in line or "Service Choice: i-Am" in line:
            announced = True
        elif match := re.search(r"Property Identifier: ([a-z-]+) \(", line):
            own = match[1]
        elif match := re.search(r"ObjectIdentifier: (\w[\w-]*), (\d+)", line):
            if announced or (own == "object-identifier" and device):
                yield address, "device_instance", match[2]
            if not own or (several and line.startswith("    Obj")):  # else it is a value
                device = match[1] == "device"
        elif (announced or device) and (match := re.search(r"Vendor ID: .*\((\d+)\)|vendor-identifier: \(Unsigned\) (\d+)", line)):
            yield address, "vendor_id", match[1] or match[2]
        elif device and (match := re.match(r"\s+([a-z-]+): .*?'(.*)'", line)) and match[1] in _BACNET:
            yield address, _BACNET[match[1]], match[2].strip()
        elif device and (match := re.match(r"\s+Object Name: (.*)", line)):
            yield address, "name", match[1].strip()


def _cip(capture: Path) -> Iterator[Said]:
    lists = [f"enip.lir.{name}" for name in ("vendor", "revision", "serial", "name")]
    for address, _, makers, revisions, serials, models in _fields(capture, "enip.lir.serial", lists):
        yield from ((address[-1], "vendor", vendor(int(maker, 0))) for maker in makers)
        yield from ((address[-1], "firmware", f"{int(one, 0) >> 8}.{int(one, 0) & 0xFF:03d}") for one in revisions)
        yield from ((address[-1], "serial", f"{int(number, 0):08X}") for number in serials)
        yield from ((address[-1], "model", model.strip()) for model in models)
    own = [f"cip.id.{name}" for name in ("vendor_id", "major_rev", "minor_rev", "serial_number", "product_name")]
    for address, _, makers, majors, minors, serials, models in _fields(capture, " || ".join(own), own):
        yield from ((address[-1], "vendor", vendor(int(maker, 0))) for maker in makers)
        yield from ((address[-1], "firmware", f"{int(one, 0)}.{int(two, 0):03d}") for one, two in zip(majors, minors, strict=False))
        yield from ((address[-1], "serial", f"{int(number, 0):08X}") for number in serials)
        yield from ((address[-1], "model", model.strip()) for model in models)


def _dcp(capture: Path) -> Iterator[Said]:
    chosen = "pn_dcp.service_type == 1 && pn_dcp.service_id == 5"  # responses to Identify
    names = ["eth.src", *(f"pn_dcp.suboption_{name}" for name in ("device_nameofstation", "device_devicevendorvalue", "vendor_id"))]
    for _, _, macs, stations, models, makers in _fields(capture, chosen, names):
        yield from ((macs[0], "name", station.strip()) for station in stations)
        yield from ((macs[0], "model", model.strip()) for model in models)
        yield from ((macs[0], "vendor", VENDORS[int(maker, 0)]) for maker in makers if int(maker, 0) in VENDORS)


def _octets(address: str) -> bytes:
    """Of an address that no packet shows, or that is none: nothing."""
    try:
        return ip_address(address).packed
    except ValueError:
        return bytes.fromhex(address.replace(":", "")) if re.fullmatch(r"(\w\w:){5}\w\w", address) else b""


def _description(address: str, description: str) -> Iterator[Said]:
    """A description, and what it plainly says, by the reader that SNMP, LLDP and CDP share (tests/protocols/kit has its cases)."""
    yield address, "description", description.strip()[:256].strip()
    yield from ((address, kind, value) for kind, value in described(" ".join(description.split())))


def _lldp(capture: Path) -> Iterator[Said]:
    names = ("eth.src", "lldp.mgn.addr.ip4", "lldp.mgn.addr.ip6", "lldp.tlv.system.name", "lldp.tlv.system.desc", "lldp.media.manufacturer",
             "lldp.media.model", "lldp.media.hardware", "lldp.media.firmware", "lldp.media.software", "_ws.malformed")
    for _, _, macs, four, six, stations, descriptions, *med, malformed in _fields(capture, "lldp", names):
        if malformed and not stations:
            continue
        for address in (macs[-1], *(f"?{one}" for one in [*four, *six][:2])):  # of an address that no packet shows, there is no asset
            yield from ((address, "name", station.strip()) for station in stations)
            for description in descriptions:
                yield from _description(address, description)
            for kind, values in zip(("vendor", "model", "hardware", "firmware", "software"), med, strict=True):
                yield from ((address, kind, value.strip()) for value in values)


def _named(capture: Path) -> Iterator[Said]:
    """DHCP: what a client says stands with its MAC, and with the address that it has or is acknowledged."""
    names = ("dhcp.type", "dhcp.hw.mac_addr", "dhcp.ip.client", "dhcp.ip.your", "dhcp.option.hostname", "dhcp.option.vendor_class_id",
             "dhcp.fqdn.name", "dhcp.option.dhcp", "_ws.malformed", "dhcp.option.end")
    last: dict[str, list[tuple[str, str]]] = {}
    for _, _, ops, macs, clients, yours, hosts, classes, full, types, malformed, ends in _fields(capture, "dhcp", names):
        if malformed or not ends or not macs:
            continue
        if ops[0] == "1":
            said = [("name", one) for one in dict.fromkeys([*hosts, *full])] + [("dhcp_vendor_class", one) for one in classes]
            last[macs[0]] = said
            for place in (macs[0], *(f"?{one}" for one in clients if one != "0.0.0.0")):
                yield from ((place, kind, value.strip()) for kind, value in said)
        elif types[:1] == ["5"]:
            place = yours[0] if yours[0] != "0.0.0.0" else clients[0]
            yield from ((f"?{place}", kind, value.strip()) for kind, value in last.get(macs[0], []))


_DNS: Final = "dns.flags.response == 1 && dns.flags.opcode == 0 && udp && !icmp && !icmpv6 && !_ws.malformed && udp.port in {53, 5353, 5355}"
_RECORD: Final = re.compile(r"        (\S.*): type (A|AAAA|PTR), class IN.*, (?:addr )?(\S.*)")


def _dns(capture: Path) -> Iterator[Said]:
    """The names of addresses in answers of DNS, by the question; of mDNS and LLMNR, by the record. From the text of the dissection: its fields do not
    say which record a value is of."""
    done = subprocess.run(["tshark", *_TUNNELS, "-r", str(capture), "-Y", _DNS, "-V"], capture_output=True, check=False)
    for frame in done.stdout.decode("utf-8", "replace").split("\nFrame "):
        heads, _, message = re.sub(r"Name (?:System|Resolution) \(response\)", "\0", frame, count=1).partition("\0")
        senders, ports = re.findall(r"Internet Protocol Version \d, Src: ([\w.:]+)", heads), re.findall(r" Port: (\d+)", heads)[-2:]
        multicast, dns = "5353" in ports, "53" in ports
        sections = dict(re.findall(r"(?m)^    (Queries|Answers|Additional records)\n((?: {8}.*\n)+)", message + "\n"))
        asked = re.findall(r"        (\S.*): type \w+, class", sections.get("Queries", ""))
        records = sections.get("Answers", "") + (sections.get("Additional records", "") if multicast else "")
        if not senders or (not multicast and len(asked) != 1):
            continue
        for owner, kind, value in _RECORD.findall(records):
            if kind != "PTR":
                yield f"?{value}", "name", owner if multicast else asked[0]
            elif (octets := reverse(owner)) and (multicast or dns):
                yield f"?{ip_address(octets)}", "name", value.rstrip(".")
        if multicast:
            yield from ((senders[-1], "device_info", model) for model in re.findall(r"TXT: model=(.*)", records))
            yield from ((senders[-1], "os", system) for system in re.findall(r" {12}OS: (.*)", records))


def _nbns(capture: Path) -> Iterator[Said]:
    """Names with the suffixes of a host (00, 20), of registrations and positive answers; what scapy calls a group is a workgroup."""
    names = ("nbns.name", "nbns.addr", "nbns.nb_flags.group", "nbns.flags.response", "nbns.flags.opcode", "nbns.flags.rcode", "_ws.malformed")
    for _, _, called, addresses, groups, answers, opcodes, codes, malformed in _fields(capture, "nbns.addr", names):
        match = re.match(r"(.*?)<(00|20)>", called[0]) if called else None
        claims = int(opcodes[0]) in (5, 8, 9, 15) if answers[0] in ("0", "False") else int(opcodes[0]) == 0 and codes[:1] == ["0"]
        if malformed or not match or not claims:
            continue
        for address, group in zip(addresses, groups, strict=False):
            if group in ("0", "False"):
                yield f"?{address}", "name", match[1].strip()


_SYSTEM: Final = {"1.3.6.1.2.1.1.1.0": "description", "1.3.6.1.2.1.1.5.0": "name", "1.3.6.1.2.1.1.6.0": "location"}


def _snmp(capture: Path) -> Iterator[Said]:
    """sysDescr, sysName and sysLocation in responses and notifications; tshark prints strings in hex."""
    chosen = "snmp.data in {2,4,6,7,8} && !icmp"
    for address, _, names, values in _fields(capture, chosen, ["snmp.name", "snmp.value.octets"]):
        if len(names) != len(values):
            continue  # other types of values between them: which is which is not printed
        for name, value in zip(names, values, strict=True):
            told = " ".join(bytes.fromhex(value.replace(":", "")).partition(b"\0")[0].decode("utf-8", "replace").split())
            if _SYSTEM.get(name) == "description":
                yield from _description(address[0], told)
            elif name in _SYSTEM:
                yield address[0], _SYSTEM[name], told


def _cdp(capture: Path) -> Iterator[Said]:
    names = ("eth.src", "cdp.deviceid", "cdp.platform", "cdp.software_version", "cdp.nrgyz.ip_address", "_ws.malformed")
    for _, _, macs, stations, platforms, versions, addresses, _malformed in _fields(capture, "cdp.deviceid", names):
        for place in (macs[-1], *(f"?{one}" for one in dict.fromkeys(addresses[:2]))):
            yield from ((place, "name", station.strip()) for station in stations)
            for platform in platforms:
                cisco = platform.lower().startswith("cisco ")
                yield place, "model", platform[6 if cisco else 0 :].strip()
                if cisco:
                    yield place, "vendor", "Cisco"
            version = "\n".join(versions)  # of which tshark makes a field a line
            yield from _description(place, version)


READERS: Final[dict[str, Callable[[Path], Iterator[Said]]]] = {  # what tshark calls the protocol -> what it says of identities
    "s7comm": _s7, "modbus": _modbus, "mms": _mms, "dnp3": _dnp3, "bacapp": _bacnet, "enip": _cip, "pn_dcp": _dcp,
    "lldp": _lldp, "dhcp": _named, "dns": _dns, "mdns": _dns, "llmnr": _dns, "nbns": _nbns, "snmp": _snmp, "cdp": _cdp,
    **{name: partial(reader, fields=_fields) for name, reader in it_identities.READERS.items()},
}


def _spoken(capture: Path) -> set[str]:
    """The protocols of a capture, by tshark."""
    done = subprocess.run(["tshark", *_TUNNELS, "-r", str(capture), "-T", "fields", "-e", "frame.protocols"], capture_output=True, check=False)
    return {name for line in set(done.stdout.decode().split()) for name in line.split(":")}


def compare(capture: Path) -> Compared:
    """What tshark prints and what stands on assets."""
    compared = Compared(capture.name)
    spoken = _spoken(capture)
    for reader in dict.fromkeys(reader for name, reader in READERS.items() if name in spoken):
        compared.printed |= {said for said in reader(capture) if said[0] and said[2] and not said[0].endswith(".255")}  # of a group nobody says it
    asset_of: dict[str, str] = {}
    for line in otwatch("export", "assets", capture, "--merge").stdout.splitlines():
        record = json.loads(line)
        asset_of |= dict.fromkeys((*record["addresses"], *record["macs"]), record["id"])
        for fact in record["facts"] + [fact for child in record["children"] for fact in child["facts"]]:
            if fact["kind"] in KINDS and not fact["source"].startswith("pn_io."):  # its names stand in the records of tests/protocols/pn_io
                compared.found[record["id"], fact["kind"], fact["value"].strip()] = fact["source"]
    said = ((asset_of.get(address.removeprefix("?"), address), kind, value) for address, kind, value in compared.printed)
    compared.printed = {one for one in said if one[0] in asset_of.values() or is_own(_octets(one[0]))}
    return compared


@click.command()
@click.argument("captures", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(captures: tuple[Path, ...]) -> None:
    """Prints the table, and on standard error what differs."""
    rows = []
    with click.progressbar(captures, file=sys.stderr) as listed:
        rows += [compare(capture) for capture in listed]
    click.echo("| capture | printed by tshark | on the right asset | missing | invented | beyond tshark |\n|---|---:|---:|---:|---:|---:|")
    for row in sorted(rows, key=lambda row: row.name):
        if row.printed or row.found:
            right = len(row.printed) - len(row.missing)
            click.echo(f"| {row.name} | {len(row.printed)} | {right} | {len(row.missing)} | {len(row.invented)} | {row.beyond} |")
        for word, several in (("missing", row.missing), ("invented", row.invented)):
            for one in sorted(several):
                click.echo(f"{row.name}: {word}: {one}", err=True)
    printed, missing = sum(len(row.printed) for row in rows), sum(len(row.missing) for row in rows)
    invented = sum(len(row.invented) for row in rows)
    click.echo(f"\n{len(rows)} captures, {printed} identities printed by tshark, {missing} missing, {invented} invented.")
    sys.exit(bool(missing or invented))


if __name__ == "__main__":
    main()
