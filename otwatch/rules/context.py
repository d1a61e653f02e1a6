"""The values of the fields: of signatures and pairs when they first appear, of the late ones when an finding is looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from otwatch.actions import CHANGING, ENGINEERING, Action, Role
from otwatch.addresses import Addresses
from otwatch.names import plain
from otwatch.rules.compile import Record
from otwatch.rules.fields import OUTCOMES
from otwatch.rules.knowledge import Knowledge, network_of
from otwatch.rules.outcomes import unpacked
from otwatch.rules.seams import HostView, Indicator, Intelligence, Known, ProtocolNames, SitePolicy
from otwatch.vocabulary import FIRST_PROTOCOL_LAYER, TRANSPORTS, AnomalyKind, DirectionHow, FlowEvent, Layer

_CONTROLLERS: Final = frozenset({"controller", "outstation", "plc", "rtu", "gateway", "sis", "ied"})
_MAC_OCTETS: Final = 6
_ABSENT: Final = object()
_CYCLE_PER_S: Final = 0.2  # what a baseline knows as repeated so often is a cycle
_PLACES: Final = 16_384  # addresses remembered; a flood of new ones is asked about again


class Context:
    """Answers for one engine. Holds no state of its own beside what it was given."""

    def __init__(
        self,
        *,
        site: SitePolicy | None,
        baseline: Known | None,
        addresses: Addresses,
        protocols: Sequence[ProtocolNames],
        layers: Mapping[int, Mapping[int, AnomalyKind]],
        knowledge: Knowledge,
        host: Callable[[int], HostView | None],
        address_of: Callable[[int], str] = lambda _: "",
        intelligence: Intelligence | None = None,
    ) -> None:
        self.site = site
        self.baseline = baseline
        self.intelligence = intelligence
        self.addresses = addresses
        self.protocols = protocols
        self.layers = layers
        self.knowledge = knowledge
        self.host = host
        self.address_of = address_of
        self._places: dict[int, Place] = {}

    def protocol_name(self, protocol: int) -> str:
        """Name of a protocol id, empty for 0."""
        return self.protocols[protocol - 1].name if 0 < protocol <= len(self.protocols) else ""

    def operation(self, signature: tuple[int, int, int, int, int, int]) -> dict[str, Any]:
        """SIGNATURE fields of operations: (protocol, role, function, subfunction, action, status)."""
        protocol, role, function, subfunction, action, status = signature
        names = self.protocols[protocol - 1] if 0 < protocol <= len(self.protocols) else None
        known = Action(action)
        return {
            "protocol": names.name if names else "",
            "role": Role(role).name.lower(),
            "function": function,
            "function_name": names.function_name(function, subfunction) if names else "",
            "subfunction": subfunction if subfunction >= 0 else None,
            "subfunction_code": subfunction,
            "action": known.name,
            "status": status,
            "status_name": names.status_name(status) if names else str(status),
            "failed": status != 0,
            "changing": known in CHANGING,
            "engineering": known in ENGINEERING,
        }

    def flow(self, signature: tuple[int, ...]) -> dict[str, Any]:
        """SIGNATURE fields of flows: (event, IP protocol, server port, protocol, direction_how, VLAN); with a seventh, its outcome too."""
        event, ip_protocol, port, protocol, how, vlan, *outcome = signature
        decided = dict(zip(OUTCOMES, unpacked(outcome[0]), strict=True)) if outcome else {}
        return {
            **decided,
            "event": FlowEvent(event).name.lower(),
            "transport": TRANSPORTS.get(ip_protocol, str(ip_protocol)),
            "port": port if port >= 0 and ip_protocol in (6, 17) else None,
            "protocol": self.protocol_name(protocol) or None,
            "direction_how": DirectionHow(how).name.lower(),
            "vlan": vlan if vlan >= 0 else None,
        }

    def flow_record(self, signed: dict[str, Any], paired: Any) -> Joined:
        """SIGNATURE, PAIR and REST fields of flows."""
        vlans = self.site.vlans(paired.get("src_listed") or paired.get("src")) if self.site is not None and signed["vlan"] is not None else ()
        known = None
        if self.baseline is not None and not paired.get("dst_group"):
            port = signed["port"] if signed["port"] is not None else -1
            known = self.baseline.uses(paired.get("src"), paired.get("dst"), signed["transport"], port)
        return Joined({"vlan_of_zone": signed["vlan"] in vlans if vlans else None, "service_in_baseline": known}, signed, paired)

    def anomaly(self, signature: tuple[int, int]) -> dict[str, Any]:
        """SIGNATURE fields of anomalies: (layer, kind)."""
        layer, kind = signature
        name = (
            self.protocol_name(layer - FIRST_PROTOCOL_LAYER)
            if layer > FIRST_PROTOCOL_LAYER
            else (Layer(layer).name.lower() if layer in Layer._value2member_map_ else str(layer))
        )
        known = self.layers.get(layer, {}).get(kind)
        if known is None and layer > FIRST_PROTOCOL_LAYER and layer - FIRST_PROTOCOL_LAYER <= len(self.protocols):
            known = next((item for item in self.protocols[layer - FIRST_PROTOCOL_LAYER - 1].anomalies if item.code == kind), None)
        return {"anomaly": f"{name}.{known.name if known else kind}", "layer": name}

    def silence(self, signature: tuple[int, int, int, int]) -> dict[str, Any]:
        """All fields of silences but those of the pair: (protocol, unit, requests, seconds)."""
        protocol, unit, requests, seconds = signature
        return {"protocol": self.protocol_name(protocol), "unit": plain(unit), "requests": requests, "seconds": seconds}

    def pair(self, pair: tuple[int, int]) -> PairRecord:
        """PAIR fields of (src, dst), computed as they are asked for."""
        return PairRecord(self, *pair)

    def listed(self, text: str) -> str:
        """The text under which a site file has an address of an alert."""
        octets = text.split(":")
        if len(octets) != _MAC_OCTETS or any(len(octet) != 2 for octet in octets):
            return text
        return self.place(self.addresses.find_mac(int("".join(octets), 16))).listed

    def place(self, address: int) -> Place:
        """What is known of an address for itself."""
        found = self._places.get(address)
        if found is None:
            if len(self._places) >= _PLACES:
                self._places.clear()
            found = self._places[address] = Place(self, address)
        return found

    def rest(self, record: Joined, *, protocol: int, unit: int, area: int, object_: int, start: int, count: int) -> Joined:
        """The fields of a behaviour's signature and pair with its REST fields."""
        names = self.protocols[protocol - 1] if 0 < protocol <= len(self.protocols) else None
        area_name = names.areas.get(area) if names and area >= 0 else None
        action = Action[record["action"]]
        rest: dict[str, Any] = {
            "unit": plain(unit),
            "area": area if area >= 0 else None,
            "area_name": area_name,
            "object": plain(object_),
            "start": start if start >= 0 else None,
            "count": count if count >= 0 else None,
            "end": start + max(count, 1) - 1 if start >= 0 else None,
            "place": f"{unit}/{area}/{object_}/{start}",
            "permitted": None,
        }
        if self.site and record["role"] != "event":
            listed = record.get("src_listed") or record["src"], record.get("dst_listed") or record["dst"]
            permitted = self.site.judge(
                listed[0], listed[1], protocol=record["protocol"], action=action, unit=unit, area=area_name or "", start=start, count=count
            )
            # A response may not say which area it is about: a line that names areas may permit it.
            rest["permitted"] = None if permitted == "denied" and record["role"] == "response" and area_name is None else permitted
        if self.baseline is not None:
            rest["in_baseline"] = self.baseline.does(record["src"], record["dst"], record["protocol"], action)
            talk = record["src"], record["dst"], record["protocol"]
            request = record["role"] == "request"
            rest["function_in_baseline"] = self.baseline.sends(*talk, record["function"], record["subfunction_code"]) if request else None
            rest["range_in_baseline"] = (
                self.baseline.covers(*talk, action=action, unit=unit, area=area, object=object_, start=start, count=count) if request else None
            )
            rest["habit_per_s"] = self.baseline.rate_per_s(*talk) if request else None
            rest["repeats_per_s"] = (
                self.baseline.repeats_per_s(*talk, action=action, unit=unit, area=area, object=object_, start=start, count=count) if request else None
            )
        if names is None:
            return Joined(rest, *record.parts)
        numbers = {"unit": unit, "area": area, "object": object_, "start": start, "count": count}
        return Joined(rest, *record.parts, ObjectName(names, {"function": record["function"], "subfunction": record["subfunction_code"], **numbers}))

    def late(
        self, base: Record, src: int, dst: int, *, at_ns: int, protocol: int = 0, behaviour: int = -1
    ) -> LateRecord:
        """The record of a row of `at_ns` with its LATE fields, computed when asked for."""
        return LateRecord(self, base, src, dst, at_ns, protocol, behaviour)


class Joined:
    """Records as one: the first that has a field tells it. Nothing is copied or computed before it is asked for."""

    __slots__ = ("parts",)

    def __init__(self, *parts: Any) -> None:
        self.parts = parts

    def get(self, name: str, default: Any = None, /) -> Any:
        """The value of a field; None when it is not known."""
        for part in self.parts:
            value = part.get(name, _ABSENT)
            if value is not _ABSENT:
                return value
        return default

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def __contains__(self, name: str) -> bool:
        return self.get(name, _ABSENT) is not _ABSENT


class ObjectName:
    """How people write the object of a behaviour: put into words only when it is asked for."""

    __slots__ = ("names", "row")

    def __init__(self, names: ProtocolNames, row: Mapping[str, int]) -> None:
        self.names = names
        self.row = row

    def get(self, name: str, default: Any = None, /) -> Any:
        """The only field that it has."""
        return (self.names.object_name(self.row) or None) if name == "object_name" else default


class Place:
    """An address as text, where the site file puts it, and whether it is a public one that the site does not know."""

    def __init__(self, context: Context, address: int) -> None:
        self.address = address
        self.context = context

    @cached_property
    def text(self) -> str:
        return self.context.addresses.text(self.address)

    @property
    def listed(self) -> str:
        """The text under which a site file has it: of a MAC the IP address that ARP says it has, as far as that is known yet."""
        return (self.context.addresses.mac(self.address) >= 0 and self.context.address_of(self.address)) or self.text

    @property
    def zone(self) -> tuple[str, float | None] | None:
        if self.context.site is None:
            return None
        return self._zone if self.listed == self.text else self.context.site.zone(self.listed)

    @cached_property
    def _zone(self) -> tuple[str, float | None] | None:
        return self.context.site.zone(self.text) if self.context.site else None

    @cached_property
    def network(self) -> tuple[int, int]:
        return network_of(self.context.addresses, self.address)

    @cached_property
    def internet(self) -> bool:
        if self.address <= 0:
            return False
        ip, site = self.context.addresses.ip(self.address), self.context.site
        return ip.is_global and not ip.is_multicast and not (site is not None and site.knows(self.text))

    @cached_property
    def known(self) -> bool | None:
        baseline = self.context.baseline
        return None if baseline is None or self.address <= 0 or self.is_group() else baseline.has_host(self.text)

    @cached_property
    def indicators(self) -> Sequence[Indicator]:
        """What threat intelligence says of it."""
        intelligence = self.context.intelligence
        return intelligence.of_address(self.text) if intelligence is not None and self.address > 0 else ()

    def is_listed(self) -> bool | None:
        """Whether threat intelligence names it; None without any."""
        return bool(self.indicators) if self.context.intelligence is not None else None

    def is_group(self) -> bool:
        """Whether it is a broadcast or multicast address."""
        return self.context.addresses.is_group(self.address)


class PairRecord:
    """The PAIR fields of (src, dst), each computed when it is asked for: of most pairs of a flood only one ever is."""

    __slots__ = ("_known", "context", "dst", "src")

    def __init__(self, context: Context, source: int, destination: int) -> None:
        self.context = context
        self.src = context.place(source)
        self.dst = context.place(destination)
        self._known: dict[str, Any] = {}

    def get(self, name: str, default: Any = None, /) -> Any:
        """The value of a field; None when it is not known."""
        known = self._known
        if name not in known:
            compute = _PAIR.get(name)
            if compute is None:
                return default
            known[name] = compute(self)
        return known[name]

    def same_network(self) -> bool:
        """Whether both are in one zone or, where the site file says nothing, in one network."""
        src, dst = self.src, self.dst
        return src.address >= 0 and (src.zone[0] == dst.zone[0] if src.zone and dst.zone else src.network == dst.network)

    def same_owner(self) -> bool:
        """Whether both are probably of one organisation: in one /16 (IPv4) or /32 (IPv6), blocks that are given to one."""
        if self.src.address < 0 or self.dst.address < 0:
            return False
        src, dst = (self.context.addresses.ip(place.address) for place in (self.src, self.dst))
        return src.version == dst.version and int(src) >> (16 if src.version == 4 else 96) == int(dst) >> (16 if dst.version == 4 else 96)


# Plants use public addresses inside: a neighbour in the same block is not the internet.
_PAIR: Final[dict[str, Callable[[PairRecord], Any]]] = {
    "src": lambda pair: pair.src.text,
    "dst": lambda pair: pair.dst.text,
    "src_listed": lambda pair: pair.src.listed,  # no fields of rules: what the site file is asked for
    "dst_listed": lambda pair: pair.dst.listed,
    "src_zone": lambda pair: pair.src.zone[0] if pair.src.zone else None,
    "dst_zone": lambda pair: pair.dst.zone[0] if pair.dst.zone else None,
    "src_level": lambda pair: pair.src.zone[1] if pair.src.zone else None,
    "dst_level": lambda pair: pair.dst.zone[1] if pair.dst.zone else None,
    "src_internet": lambda pair: pair.src.internet and not pair.same_network() and not pair.same_owner(),
    "dst_internet": lambda pair: pair.dst.internet and not pair.same_network() and not pair.same_owner(),
    "dst_group": lambda pair: pair.dst.is_group(),
    "same_network": PairRecord.same_network,
    "src_engineering": lambda pair: bool(pair.context.site and pair.context.site.is_engineering(pair.src.listed)),
    "src_jump_host": lambda pair: bool(pair.context.site and pair.context.site.is_jump_host(pair.src.listed)),
    "jump_hosts_known": lambda pair: bool(pair.context.site and pair.context.site.has_jump_hosts),
    "src_indicator": lambda pair: pair.src.is_listed(),
    "dst_indicator": lambda pair: pair.dst.is_listed(),
    "src_known": lambda pair: pair.src.known,
    "dst_known": lambda pair: pair.dst.known,
    "conduit": lambda pair: pair.context.site.conduit(pair.src.listed, pair.dst.listed) if pair.context.site else None,
}


class LateRecord:
    """A record whose LATE fields say what held at the time of its row. None, too, while that may still change: see `Knowledge.waits`."""

    def __init__(
        self, context: Context, base: Record, src: int, dst: int, at_ns: int, protocol: int, behaviour: int
    ) -> None:
        self.context = context
        self.base = base
        self.src = src
        self.dst = dst
        self.at_ns = at_ns
        self.protocol = protocol
        self.behaviour = behaviour
        self._late: dict[str, Any] = {}

    def get(self, name: str, default: Any = None, /) -> Any:
        """The value of a field; None when it is not known."""
        compute = _LATE.get(name)
        if compute is None:
            return self.base.get(name, default)
        if name not in self._late:
            self._late[name] = compute(self)
        return self._late[name]

    def indicators(self) -> list[Indicator]:
        """The indicators that name src, dst or the value of the row."""
        context = self.context
        if context.intelligence is None:
            return []
        found = [one for address in dict.fromkeys((self.src, self.dst)) for one in context.place(address).indicators]
        value = self.base.get("value") if self.base.get("value_indicator") else None
        return [*found, *context.intelligence.of_value(value)] if isinstance(value, str) else found

    # One method for each LATE field.

    def indicator_valid(self) -> bool | None:
        if self.context.intelligence is None:
            return None
        return any(one.holds_at(self.at_ns) for one in self.indicators())

    def src_role(self) -> str | tuple[str, ...] | None:
        return self._role(self.src, self._listed("src"))

    def dst_role(self) -> str | tuple[str, ...] | None:
        return self._role(self.dst, self._listed("dst"))

    def _listed(self, end: str) -> str:
        """An end as the site file names it."""
        text: str = self.base.get(f"{end}_listed") or self.base.get(end)
        return text

    def _role(self, address: int, text: str) -> str | tuple[str, ...] | None:
        site = self.context.site
        if site is not None and site.role(text):
            return site.role(text)
        host = self.context.host(address)
        return tuple(host.roles) or None if host is not None else None

    def dst_is_controller(self) -> bool | None:
        site = self.context.site
        if site is not None and site.role(self._listed("dst")):
            return site.role(self._listed("dst")) in _CONTROLLERS
        return self.context.knowledge.is_controller(self.dst, self.at_ns)

    def src_is_controller(self) -> bool | None:
        if self.src == self.dst:
            return None  # a recording of the loopback interface: which of the programs is the controller, no address says
        site = self.context.site
        if site is not None and site.role(self._listed("src")):
            return site.role(self._listed("src")) in _CONTROLLERS
        return self.context.knowledge.is_controller(self.src, self.at_ns)

    def dst_in_ot(self) -> bool | None:
        return self._in_ot(self.dst, self.base.get("dst_level"))

    def src_in_ot(self) -> bool | None:
        return self._in_ot(self.src, self.base.get("src_level"))

    def _in_ot(self, address: int, level: float | None) -> bool | None:
        if level is not None:
            return level <= 3
        knowledge = self.context.knowledge
        controller = knowledge.is_controller(address, self.at_ns)
        return controller or knowledge.is_ot_network(network_of(self.context.addresses, address), self.at_ns)

    def crosses_zone(self) -> bool | None:
        return None if self.src < 0 or self.dst < 0 else not self.base.get("same_network")

    def src_outside(self) -> bool | None:
        if self.src < 0 or self.dst < 0 or self.base.get("dst_group"):
            return None
        if self.base.get("conduit") is not None:
            return bool(self.base.get("conduit") == "denied")
        if self.base.get("src_internet"):
            return True
        if self.base.get("same_network"):
            return False
        level = self.base.get("src_level")
        if level is not None:
            return bool(level >= 4)
        knowledge = self.context.knowledge
        within = knowledge.is_ot_network(network_of(self.context.addresses, self.src), self.at_ns)
        if within or knowledge.is_poller(self.src, self.dst, self.at_ns):
            return False
        return None if within is None else True

    def new_talker(self) -> bool | None:
        name = self.base.get("protocol")
        if not name:
            return None
        if self.context.baseline is not None:
            return not self.context.baseline.talks(self.base.get("src"), self.base.get("dst"), name)
        return self.context.knowledge.is_new_talk(self.src, self.dst, self.protocol)

    def src_unknown(self) -> bool | None:
        if self.src < 0 or self.dst < 0 or self.base.get("dst_group"):
            return None
        site, listed = self.context.site, self._listed("src")
        if site is not None and (site.asset_name(listed) or site.is_engineering(listed) or site.is_jump_host(listed)):
            return False
        known: bool | None = self.base.get("src_known")
        return not known if known is not None else self.context.knowledge.is_unknown(self.src, self.dst, self.at_ns)

    def new_verb(self) -> bool | None:
        action = Action[self.base.get("action")]
        baseline = self.context.baseline
        if baseline is not None:
            name = self.base.get("protocol")
            return baseline.talks(self.base.get("src"), self.base.get("dst"), name) and not self.base.get("in_baseline")
        return self.context.knowledge.is_new_verb(self.src, self.dst, self.protocol, action)

    def requests_seen(self) -> bool | None:
        return self.context.knowledge.is_asking(self.src, self.dst, self.at_ns) if self.src >= 0 else None

    def responses_seen(self) -> bool | None:
        return self.context.knowledge.is_responding(self.dst, self.at_ns)

    def writer(self) -> str | None:
        if self.base.get("role") not in ("request", "response") or self.src < 0:
            return None
        permitted: str | None = self.base.get("permitted")
        if permitted is not None:
            return permitted
        if self.base.get("src_engineering"):
            return "engineering"
        if self.context.baseline is not None:
            return "learned" if self.base.get("in_baseline") else "unknown"
        knowledge = self.context.knowledge
        if knowledge.is_poller(self.src, self.dst, self.at_ns):
            return "polls" if self.base.get("same_network") or self.base.get("conduit") == "allowed" else "polls_from_outside"
        one = self.base.get("role") == "request" or self.base.get("start") is not None  # a response may not say what it is about
        if one and self.steady_per_s() is not None and self.base.get("same_network"):
            return "cyclic"
        return None if knowledge.waits(self.at_ns) else "unknown"

    def steady_per_s(self) -> float | None:
        """The rate of the message that the row is, if it was sent at one rate from the beginning or all the time of the baseline."""
        learned: float = self.base.get("repeats_per_s") or 0.0
        if learned >= _CYCLE_PER_S:
            return learned
        return self.context.knowledge.rate(self.behaviour, self.at_ns) if self.behaviour >= 0 else None

    def new_question(self) -> bool | None:
        if self.behaviour < 0 or self.context.baseline is not None:
            return None
        return self.context.knowledge.is_new_question(self.src, self.dst, self.behaviour)

    def steady(self) -> bool | None:
        if self.behaviour < 0:
            return None
        if self.steady_per_s() is not None:
            return True
        return None if self.context.knowledge.waits(self.at_ns) else False

    def after_start(self) -> bool | None:
        return self.context.knowledge.began_late(self.behaviour) if self.behaviour >= 0 else None


_LATE: Final[dict[str, Callable[[LateRecord], Any]]] = {
    "indicator_valid": LateRecord.indicator_valid,
    "src_role": LateRecord.src_role,
    "dst_role": LateRecord.dst_role,
    "dst_is_controller": LateRecord.dst_is_controller,
    "src_is_controller": LateRecord.src_is_controller,
    "dst_in_ot": LateRecord.dst_in_ot,
    "src_in_ot": LateRecord.src_in_ot,
    "crosses_zone": LateRecord.crosses_zone,
    "src_outside": LateRecord.src_outside,
    "new_talker": LateRecord.new_talker,
    "src_unknown": LateRecord.src_unknown,
    "new_verb": LateRecord.new_verb,
    "writer": LateRecord.writer,
    "requests_seen": LateRecord.requests_seen,
    "responses_seen": LateRecord.responses_seen,
    "steady": LateRecord.steady,
    "steady_per_s": LateRecord.steady_per_s,
    "after_start": LateRecord.after_start,
    "new_question": LateRecord.new_question,
}
