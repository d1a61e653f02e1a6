"""What this tap or capture could not show. Shown next to the alerts, because a quiet report from a blind tap is the worst failure of all."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from otwatch.actions import Action
from otwatch.capture.report import CaptureReport
from otwatch.decode.anomalies import ANOMALIES as DECODE_ANOMALIES
from otwatch.decode.unread import OT_ETHERTYPES, seen
from otwatch.inventory.inventory import Talk
from otwatch.inventory.services import OT_PORTS_NOT_DECODED, SERVICES
from otwatch.outputs.result import BlindSpot
from otwatch.outputs.story import plural
from otwatch.protocols import protocols
from otwatch.protocols.spec import ProtocolSpec
from otwatch.streams.anomalies import ANOMALIES as STREAM_ANOMALIES
from otwatch.vocabulary import AnomalyKind, Sealed

_GAP_SHARE_TOLD = 0.0001
_ONE_WAY_SHARE_INCOMPLETE = 0.5
_CLOCK_STEP_NS: Final = 1_000_000_000  # more than the disorder of interfaces and queues that are merged
_STANDING_PACKETS: Final = 100
_UNTRUSTED: Final = "times, rates and order cannot be trusted"
_CLOCK_SET_NS: Final = 631_152_000_000_000_000  # 1990
_NAMED = 8  # carriers of other traffic, and unreadable files, that are named, each for itself


def _rides_on(spec: ProtocolSpec, below: str) -> bool:
    """Whether a protocol rides on another, or on one that does."""
    known = {one.name: one for one in protocols()}
    while spec.ride is not None:
        if spec.ride.carrier == below:
            return True
        spec = known[spec.ride.carrier]
    return False


# Service of a port -> the protocols that its messages may be of: those that ride on a carrier, else its own
_PROTOCOLS_ON: Final = {
    f"{spec.service or spec.name}?": tuple(rider.name for rider in protocols() if _rides_on(rider, spec.name)) or (spec.name,)
    for spec in protocols()
    if spec.ports
}
# OT protocols as people write them: those that are decoded say it themselves.
TITLES: Final = {
    **{spec.name: spec.title for spec in protocols()},
    "cip-security": "CIP Security (TLS)",
    "profinet": "PROFINET",
    "profinet-cm": "PROFINET",
    "goose": "GOOSE",
    "sampled-values": "Sampled Values",
    "ethercat": "EtherCAT",
    "powerlink": "POWERLINK",
    "sercos": "Sercos III",
    "fox": "Niagara Fox",
    "foxs": "Niagara Fox (TLS)",
    "omron-fins": "Omron FINS",
    "ge-srtp": "GE SRTP",
    "melsec": "MELSEC",
    "ads": "Beckhoff ADS",
    "hart-ip": "HART-IP",
    "roc-plus": "ROC Plus",
    "tristation": "TriStation",
    "codesys": "CODESYS",
    "synchrophasor": "IEEE C37.118",
    "modbus-tls": "Modbus over TLS",
    "s7comm-plus": "S7comm-plus",
    "dnp3-tls": "DNP3 over TLS",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """What of OT protocols was seen and could not be judged."""

    undecoded: tuple[tuple[str, int], ...] = ()  # protocols by their titles, with their packets, most first
    unrecognised: frozenset[str] = frozenset()  # protocols on whose port something else was said


SealedTalk = tuple[str, str, int, Sealed]  # client, server, its port, what its connections begin with
NOTHING_UNREAD: Final = Unread()


@cache
def hiding() -> frozenset[str]:
    """Kinds of anomaly after which a part of a message, or of a stream of messages, was not decoded: what streams and protocols say of theirs."""
    return _hiding([("stream", STREAM_ANOMALIES), *((spec.name, spec.anomalies) for spec in protocols())])


@cache
def _stopping() -> frozenset[str]:
    """The same of packets: what is behind their headers, or the datagram that they are fragments of, was not decoded."""
    return _hiding([(layer.name.lower(), kinds) for layer, kinds in DECODE_ANOMALIES.items()])


def _hiding(kinds: Iterable[tuple[str, Sequence[AnomalyKind]]]) -> frozenset[str]:
    return frozenset(f"{layer}.{kind.name}" for layer, known in kinds for kind in known if kind.hides)


def unreadable_files(problems: Sequence[str]) -> list[BlindSpot]:
    """Files that were named and could not be read: nothing of what is in them is in the result. `problems`: `NAME: reason` of each."""
    if not problems:
        return []
    more = f"; and {len(problems) - _NAMED:,} more" if len(problems) > _NAMED else ""
    text = f"{plural(len(problems), 'file')} could not be read: {'; '.join(problems[:_NAMED])}{more}"
    return [BlindSpot(kind="file-unreadable", count=len(problems), text=text, incomplete=True)]


def blind_spots(
    reports: Sequence[CaptureReport],
    talks: Sequence[Talk],
    decoder: Mapping[str, int],
    streams: Mapping[str, int],
    *,
    packets: int,
    operations: int,
    behaviours_merged: int,
    forgotten: Mapping[str, int],
    anomalies: Mapping[str, int],
    protocols: Mapping[str, Mapping[str, Any]],
    disorder: tuple[int, int] = (0, 0),
    sealed: Sequence[SealedTalk] = (),
) -> list[BlindSpot]:
    """Everything worth telling, gravest first."""
    found: list[BlindSpot] = []

    def tell(kind: str, count: int, text: str, *, incomplete: bool = False) -> None:
        if count:
            found.append(BlindSpot(kind=kind, count=count, text=text, incomplete=incomplete))

    for report in reports:
        if report.cut_short_at is not None:
            tell("file-cut-short", 1, f"{report.path} ends inside a record at byte {report.cut_short_at}: its last packets are missing")
        if report.skipped_bytes:
            tell("file-damaged", report.skipped_bytes, f"{report.path} is damaged: {plural(report.skipped_bytes, 'byte')} skipped")
        dropped = sum(interface.dropped or 0 for interface in report.interfaces)
        tell("dropped-by-capture", dropped, f"{report.path}: the capturing system itself lost {plural(dropped, 'packet')}")
        snapped = report.snapped
        tell(
            "cut-by-snap-length",
            snapped,
            f"{report.path}: {snapped:,} of {plural(report.packets, 'packet')} cut by the snap length; record with `-s 0`",
            incomplete=snapped * 2 > report.packets > 0,
        )
        found.extend(_clock(report))
    tcp = [talk for talk in talks if talk.counts["pdus"] and not talk.tunnel]
    sent = {(talk.client, talk.server, talk.protocol) for talk in talks if talk.counts["packets_to_server"]}
    sent |= {(talk.server, talk.client, talk.protocol) for talk in talks if talk.counts["packets_to_client"]}
    one_way = [  # without ports, groups are asked; a call of PROFINET is answered from another port
        talk for talk in talks if talk.protocol and talk.one_way and talk.server_port is not None
        and not {(talk.client, talk.server, talk.protocol), (talk.server, talk.client, talk.protocol)} <= sent
    ]
    spoken = [talk for talk in talks if talk.protocol]
    unasked = [talk for talk in one_way if talk.counts["pdus"] and not talk.counts["packets_to_server"] and not talk.actions]
    if unasked:
        names = ", ".join(sorted({f"{talk.client} > {talk.server} {talk.service}" for talk in unasked})[:3])
        tell(
            "requests-not-seen",
            len(unasked),
            f"{plural(len(unasked), 'OT conversation')} of which only the answers were seen ({names}): what was commanded is invisible there",
            incomplete=True,
        )
        one_way = [talk for talk in one_way if talk not in unasked]
    if one_way:
        names = ", ".join(sorted({f"{talk.client} > {talk.server} {talk.service}" for talk in one_way})[:3])
        tell(
            "one-way",
            len(one_way),
            f"{plural(len(one_way), 'OT conversation')} seen in one direction only ({names}): answers and refusals are invisible there",
            incomplete=len(one_way) > _ONE_WAY_SHARE_INCOMPLETE * len(spoken),
        )
    for name, counts in protocols.items():
        if counts["requests"] and not counts["responses"] and any(talk.protocol == name and not talk.one_way for talk in talks):
            tell(
                "no-responses",
                counts["requests"],
                f"{plural(counts['requests'], 'request')} of {name} and not one response: what became of them is unknown",
            )
    gaps = sum(talk.counts["gaps"] for talk in tcp)
    gap_bytes = sum(talk.counts["gap_bytes"] for talk in tcp)
    seen_bytes = sum(talk.counts["bytes_to_server"] + talk.counts["bytes_to_client"] for talk in tcp)
    if gap_bytes > _GAP_SHARE_TOLD * seen_bytes:
        tell("stream-gaps", gaps, f"{plural(gap_bytes, 'byte')} missing in {plural(gaps, 'place')} of OT streams: the tap lost packets")
    conflicts = sum(talk.counts["conflicts"] for talk in talks)
    tell("stream-conflicts", conflicts, f"{plural(conflicts, 'TCP segment')} repeated bytes with other content: both versions were analysed")
    for name, counts in protocols.items():
        hidden: dict[str, list[Talk]] = {}
        for talk in talks:
            if talk.protocol == name and talk.actions.get(Action.ENCRYPTED.name):
                hidden.setdefault(_title(talk), []).append(talk)
        for title, encrypted in hidden.items():
            count = sum(talk.actions[Action.ENCRYPTED.name] for talk in encrypted)
            who = ", ".join(sorted({f"{talk.client} > {talk.server}" for talk in encrypted})[:3])
            tell(
                "encrypted",
                count,
                f"{plural(count, 'request')} of {title} encrypted in {plural(len(encrypted), 'conversation')} ({who}): who spoke is known, "
                "what they did is not",
                incomplete=count * 2 > counts["requests"],
            )
    undecoded = _undecoded(talks, decoder)
    for name, count in sorted(undecoded.items(), key=lambda item: -item[1]):
        tell(
            "undecoded-protocol",
            count,
            f"{plural(count, 'packet')} of {TITLES.get(name, name)}: an OT protocol that this version does not decode",
            incomplete=name in OT_ETHERTYPES.values() and count * 2 > packets > 0,
        )
    unrecognised = [talk for talk in talks if not talk.protocol and talk.service in _PROTOCOLS_ON and _payload(talk)]
    if unrecognised:
        names = ", ".join(sorted({f"{talk.client} > {talk.server} port {talk.server_port}" for talk in unrecognised})[:3])
        tell(
            "unidentified-on-ot-port",
            len(unrecognised),
            f"{plural(len(unrecognised), 'conversation')} on OT ports whose content was not recognised ({names})",
        )
    for spot in _unread(decoder):
        tell(*spot, incomplete=True)
    for kind, carried in _sealed(talks, sealed):
        names = ", ".join(f"{client} > {server} port {port}" for client, server, port, _ in carried[:3])
        text = f"{plural(len(carried), 'conversation')} of {kind} ({names}): what they carry was not read"
        tell("undecoded-traffic", len(carried), text, incomplete=True)
    beyond = streams.get("sealed_over", 0)
    tell("undecoded-traffic", beyond, f"{plural(beyond, 'connection')} of TLS, SSH or OpenVPN beyond the limit of those that are distinguished")
    guessed = decoder.get("not_read.l2tpv3_guessed", 0)
    tell("l2tpv3-cookie", guessed, f"{plural(guessed, 'packet')} of L2TPv3 read as they fit: the length of the cookie is not in the packets")
    unfinished = {name: anomalies[name] for name in sorted(_stopping() & set(anomalies))}
    stopped = {name: count for name, count in unfinished.items() if not name.startswith("network.fragment-")}
    tell(
        "headers-not-decoded",
        sum(stopped.values()),
        f"{plural(sum(stopped.values()), 'packet')} whose headers were not decoded to the end: " + _listed(stopped),
        incomplete=any(name.startswith("network.tunnel-") for name in stopped),
    )
    lost = {name: count for name, count in unfinished.items() if name not in stopped}
    tell(
        "fragments",
        sum(lost.values()),
        f"{plural(sum(lost.values()), 'IP datagram')} not read because fragments were missing: " + _listed(lost),
    )
    tell(
        "span-duplicates",
        decoder.get("duplicates", 0),
        f"{plural(decoder.get('duplicates', 0), 'packet')} arrived twice (mirror of several ports or VLANs); counted once",
    )
    tell(
        "capture-disorder",
        disorder[0],
        f"{plural(disorder[0], 'response')} captured before the request, by up to {disorder[1] / 1e6:,.3g} ms (a network card with several "
        "queues, or merged captures): paired all the same",
    )
    skipped = streams.get("skipped_bytes", 0)
    tell("skipped-bytes", skipped, f"{plural(skipped, 'byte')} of OT streams fitted no PDU and were skipped")
    tell(
        "behaviours-merged",
        behaviours_merged,
        f"{plural(behaviours_merged, 'operation')} counted without addresses: more distinct ones than the limit",
    )
    parts = {name: count for name, count in sorted(anomalies.items(), key=lambda item: (-item[1], item[0])) if name in hiding()}
    tell(
        "parts-not-decoded",
        sum(parts.values()),
        f"{plural(sum(parts.values()), 'message')} of OT protocols decoded in part or not at all: "
        + _listed(parts),
    )
    for name, count in forgotten.items():
        tell(f"limit-{name}", count, f"the limit on {name} was hit {plural(count, 'time')}: that many were not kept")
    if packets and not operations:
        tell("no-ot-traffic", 1, _no_ot_traffic(undecoded, packets, bool(unrecognised), _spoken(talks)), incomplete=True)
    return sorted(found, key=lambda spot: not spot.incomplete)


def _title(talk: Talk) -> str:
    """The protocol of a conversation, as people write it; of TLS the one that its port promises."""
    name = SERVICES.get((6, talk.server_port), talk.protocol) if talk.protocol == "tls" and talk.server_port is not None else talk.protocol
    return TITLES.get(name, name)


def _clock(report: CaptureReport) -> Iterator[BlindSpot]:
    """Times of a capture that cannot be true, and what follows for the result."""
    impossible = report.problem_counts.get("time-out-of-range", 0)
    if impossible:
        yield BlindSpot(
            kind="capture-clock",
            count=impossible,
            text=f"{report.path}: {plural(impossible, 'packet')} with a time that the file's unit cannot have "
            f"(nanoseconds in a file of microseconds?): {_UNTRUSTED}",
            incomplete=True,
        )
    if report.step_back_ns > _CLOCK_STEP_NS:
        yield BlindSpot(
            kind="capture-clock",
            count=report.time_backwards,
            text=f"{report.path}: the clock of the capture was set back by {report.step_back_ns / 1e9:,.0f} s: {_UNTRUSTED}",
            incomplete=True,
        )
    elif report.time_backwards:
        yield BlindSpot(
            kind="time-backwards",
            count=report.time_backwards,
            text=f"{report.path}: time runs backwards {plural(report.time_backwards, 'time')}: order-based rules may err",
        )
    if report.packets >= _STANDING_PACKETS and report.squeezed:
        yield BlindSpot(
            kind="capture-clock",
            count=report.packets,
            text=f"{report.path}: all times lie in the first thousandth of a second (microseconds in a file of nanoseconds?): {_UNTRUSTED}",
            incomplete=True,
        )
    if report.packets >= _STANDING_PACKETS and report.first_ns == report.last_ns:
        yield BlindSpot(
            kind="capture-clock",
            count=report.packets,
            text=f"{report.path}: all {report.packets:,} packets have the same time: rates and durations cannot be judged",
            incomplete=True,
        )
    elif report.first_ns is not None and report.first_ns < _CLOCK_SET_NS:
        yield BlindSpot(
            kind="clock-not-set",
            count=1,
            text=f"{report.path}: its times begin before 1990: the clock of the capturing system was not set",
        )


def _listed(counts: Mapping[str, int]) -> str:
    """The largest of them, with their counts."""
    largest = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count:,} {name}" for name, count in largest[:4]) + (" …" if len(counts) > 4 else "")


def _unread(decoder: Mapping[str, int]) -> list[tuple[str, int, str]]:
    """Kind, packets and text for each tunnel, encryption or unknown protocol that may carry other traffic and was not read."""
    carriers = [unread for unread in seen(decoder) if unread.carries]
    told = [
        ("undecoded-traffic", unread.packets, f"{plural(unread.packets, 'packet')} of {unread.name}: what they carry was not read")
        for unread in carriers[:_NAMED]
    ]
    rest = sum(unread.packets for unread in carriers[_NAMED:])
    if rest:
        told.append(("undecoded-traffic", rest, f"{plural(rest, 'packet')} of {len(carriers) - _NAMED} more protocols: what they carry was not read"))
    return told


def _spoken(talks: Sequence[Talk]) -> dict[str, int]:
    """Packets of conversations whose protocol was recognised."""
    found: dict[str, int] = {}
    for talk in talks:
        if talk.protocol:
            found[talk.protocol] = found.get(talk.protocol, 0) + talk.counts["packets_to_server"] + talk.counts["packets_to_client"]
    return found


def _sealed(talks: Sequence[Talk], sealed: Sequence[SealedTalk]) -> Iterator[tuple[str, list[SealedTalk]]]:
    """Tunnels in TCP; and TLS and SSH between an OT host and the outside, where what comes in from there may be anything. Within a plant they are
    how people look after machines, and what of IT a SPAN port shows besides says nothing of controllers."""
    hosts = {host for talk in talks if talk.protocol for host in (talk.client, talk.server)}
    yield "OpenVPN over TCP", sorted(talk for talk in sealed if talk[3] == Sealed.OPENVPN)
    yield (
        "TLS or SSH between an OT host and the outside",
        sorted(talk for talk in sealed if talk[3] != Sealed.OPENVPN and (_outside(talk[0]) or _outside(talk[1])) and hosts & {talk[0], talk[1]}),
    )


def _outside(host: str) -> bool:
    """Whether an address is one of the internet."""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return False


def _no_ot_traffic(undecoded: Mapping[str, int], packets: int, unrecognised: bool, spoken: Mapping[str, int]) -> str:
    """Why no message of an OT protocol was decoded."""
    if spoken:
        name, count = max(spoken.items(), key=lambda item: item[1])
        parts = "is part" if count == 1 else "are parts"
        return f"no whole message of an OT protocol was seen: {count:,} of {plural(packets, 'packet')} {parts} of {TITLES.get(name, name)} messages"
    if undecoded:
        name, count = max(undecoded.items(), key=lambda item: item[1])
        share = f"{count:,} of {plural(packets, 'packet')} {'is' if count == 1 else 'are'} {TITLES.get(name, name)}"
        return f"no message of a decoded OT protocol: {share}, which is not decoded"
    if unrecognised:
        return "no message of a decoded OT protocol: what was sent on its port was not recognised"
    return "no message of an OT protocol was seen: is this tap on the controllers' network?"


def _undecoded(talks: Sequence[Talk], decoder: Mapping[str, int]) -> dict[str, int]:
    undecoded = {name: count for number, name in OT_ETHERTYPES.items() if (count := decoder.get(f"undecoded.ethertype.{number:#06x}", 0))}
    for talk in talks:
        name = talk.service.rstrip("?")
        if not talk.protocol and name in OT_PORTS_NOT_DECODED and talk.server_port is not None and _payload(talk):
            undecoded[name] = undecoded.get(name, 0) + talk.counts["packets_to_server"] + talk.counts["packets_to_client"]
    return undecoded


def unread(talks: Sequence[Talk], decoder: Mapping[str, int]) -> Unread:
    """What of OT protocols was seen and could not be judged."""
    counted = sorted(_undecoded(talks, decoder).items(), key=lambda item: (-item[1], item[0]))
    services = {talk.service for talk in talks if not talk.protocol and talk.service in _PROTOCOLS_ON and _payload(talk)}
    return Unread(
        undecoded=tuple((TITLES.get(name, name), count) for name, count in counted),
        unrecognised=frozenset(name for service in services for name in _PROTOCOLS_ON[service]),
    )


def _payload(talk: Talk) -> int:
    return talk.counts["payload_to_server"] + talk.counts["payload_to_client"]
