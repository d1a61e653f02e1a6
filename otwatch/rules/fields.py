"""The fields that conditions can use: per table, what each is, how it is written, and when it is known.

When a field is known decides what a condition on it costs (DESIGN principle 4): SIGNATURE and PAIR fields are judged once per distinct
signature or pair of addresses, REST once per behaviour, ROW on every message whose behaviour passed the others, LATE when a finding is
looked at: what held at the time of the row, and, of a row in the first ten seconds, at their end.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from otwatch.actions import Action, Role
from otwatch.vocabulary import DirectionHow, FlowEvent


class Stage(IntEnum):
    """When a field is known."""

    SIGNATURE = 0
    PAIR = 1
    REST = 2
    ROW = 3
    OUTCOME = 4
    LATE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field. `kind`: number, text, truth, address, any. `words` is the closed list of a text field, empty when open.

    `missing`: what it means that a row has no value: `none` (there is no such thing) or `unknown` (it cannot be seen).
    """

    name: str
    kind: str
    stage: Stage
    doc: str
    words: tuple[str, ...] = ()
    missing: str = "none"


WRITERS: Final = ("permitted", "engineering", "denied", "learned", "polls", "polls_from_outside", "cyclic", "unknown")


_SEEN_ELSEWHERE: Final = frozenset(
    {
        *("src_zone", "dst_zone", "src_level", "dst_level", "src_known", "dst_known", "conduit", "permitted", "vlan_of_zone", "latency_ms"),
        "request_function",
        "request_place",
        *("src_indicator", "dst_indicator", "value_indicator"),
        *("in_baseline", "function_in_baseline", "range_in_baseline", "habit_per_s", "service_in_baseline", "quirk_in_baseline"),
    }
)  # known from a site file, a baseline, indicators or another message: unknown without


def _field(name: str, kind: str, stage: Stage, doc: str, words: tuple[str, ...] = ()) -> Field:
    unknown = stage >= Stage.OUTCOME or name in _SEEN_ELSEWHERE
    return Field(name=name, kind=kind, stage=stage, doc=doc, words=words, missing="unknown" if unknown else "none")


_PAIR: Final = (
    _field("src", "address", Stage.PAIR, "who acted: sender of requests, client of flows"),
    _field("dst", "address", Stage.PAIR, "whom it acted on"),
    _field("src_zone", "text", Stage.PAIR, "zone of src in the site file"),
    _field("dst_zone", "text", Stage.PAIR, "zone of dst in the site file"),
    _field("src_level", "number", Stage.PAIR, "Purdue level of src in the site file"),
    _field("dst_level", "number", Stage.PAIR, "Purdue level of dst in the site file"),
    _field("src_internet", "truth", Stage.PAIR, "src is a public address unknown to the site file, not in the network or the /16 (IPv6: /32) of dst"),
    _field("dst_internet", "truth", Stage.PAIR, "dst is a public address unknown to the site file, not in the network or the /16 (IPv6: /32) of src"),
    _field("dst_group", "truth", Stage.PAIR, "dst is a broadcast or multicast address"),
    _field("same_network", "truth", Stage.PAIR, "both are in the same zone of the site file or, where it says nothing, the same /24 or /64"),
    _field("src_engineering", "truth", Stage.PAIR, "the site file lists src under engineering"),
    _field("src_jump_host", "truth", Stage.PAIR, "the site file lists src under jump_hosts"),
    _field("jump_hosts_known", "truth", Stage.PAIR, "the site file lists jump hosts"),
    _field("src_indicator", "truth", Stage.PAIR, "threat intelligence (--intel) names src; not known without it"),
    _field("dst_indicator", "truth", Stage.PAIR, "threat intelligence (--intel) names dst; not known without it"),
    _field("src_known", "truth", Stage.PAIR, "the baseline knows the address src as a host; not known without a baseline"),
    _field("dst_known", "truth", Stage.PAIR, "the baseline knows the address dst as a host; not known without a baseline, nor of groups"),
    _field(
        "conduit",
        "text",
        Stage.PAIR,
        "allowed: the site file has a conduit from src's zone to dst's; denied: it knows both zones and has none; same: one zone",
        ("allowed", "denied", "same"),
    ),
)
_LATE: Final = (
    _field("indicator_valid", "truth", Stage.LATE, "one of the indicators that name src, dst or value was valid at the time of the row"),
    _field("src_role", "text", Stage.LATE, "role of src in the site file or the inventory"),
    _field("dst_role", "text", Stage.LATE, "role of dst in the site file or the inventory"),
    _field("dst_is_controller", "truth", Stage.LATE, "requests of an OT protocol were sent to dst, or the site file says so"),
    _field("src_is_controller", "truth", Stage.LATE, "the same of src: a controller that opens a connection itself"),
    _field(
        "dst_in_ot",
        "truth",
        Stage.LATE,
        "dst is in a zone of level 3 or below or, where the site file says nothing, in a network that holds controllers",
    ),
    _field("src_in_ot", "truth", Stage.LATE, "the same of src"),
    _field(
        "src_outside",
        "truth",
        Stage.LATE,
        "src comes from outside dst's zone: another zone without a conduit or, where the site file says nothing, a network without "
        "controllers or the internet, unless it polled dst from the start",
    ),
    _field("crosses_zone", "truth", Stage.LATE, "src and dst are in different zones of the site file or, where it says nothing, different networks"),
    _field(
        "src_unknown",
        "truth",
        Stage.LATE,
        "nothing vouches for src: neither the site file nor the baseline names it or, without a baseline, dst has its master, and src was not at "
        "work with any device while normal was learned",
    ),
    _field("new_talker", "truth", Stage.LATE, "src first spoke this protocol to dst after normal was learned, and the baseline does not know it"),
)

_OPERATIONS: Final = (
    _field("protocol", "text", Stage.SIGNATURE, "name of the protocol"),
    _field("role", "text", Stage.SIGNATURE, "side of the dialogue", tuple(role.name.lower() for role in Role)),
    _field("function", "number", Stage.SIGNATURE, "function code of the wire"),
    _field("function_name", "text", Stage.SIGNATURE, "its name"),
    _field("subfunction", "number", Stage.SIGNATURE, "subfunction code; not known where there is none"),
    _field("action", "text", Stage.SIGNATURE, "what it does", tuple(action.name for action in Action)),
    _field("status", "number", Stage.SIGNATURE, "0 ok, else the protocol's code"),
    _field("status_name", "text", Stage.SIGNATURE, "its name"),
    _field("failed", "truth", Stage.SIGNATURE, "status is not ok"),
    _field("changing", "truth", Stage.SIGNATURE, "the action changes what a controller does"),
    _field("engineering", "truth", Stage.SIGNATURE, "the action is an engineering station's: programs, firmware, modes, forcing"),
    *_PAIR,
    _field("unit", "number", Stage.REST, "unit id, link address, rack and slot"),
    _field("area", "number", Stage.REST, "address space, as the protocol numbers it"),
    _field("area_name", "text", Stage.REST, "its name"),
    _field("object", "number", Stage.REST, "file, DB number, variation; not known where the object has a name in place of a number"),
    _field("object_name", "text", Stage.REST, "how people write the object: DB1.DBX0.0, %MW100, Program:Main.Setpoint"),
    _field("start", "number", Stage.REST, "first address"),
    _field("count", "number", Stage.REST, "how many"),
    _field("end", "number", Stage.REST, "last address: start + count - 1"),
    _field("place", "text", Stage.REST, "where in the device: unit, area, object and start as one text, to tell places apart in windows"),
    _field(
        "permitted",
        "text",
        Stage.REST,
        "what the site file says of this command: permitted, engineering or denied; not known where it names no writers for dst",
        ("permitted", "engineering", "denied"),
    ),
    _field("in_baseline", "truth", Stage.REST, "the baseline knows src, dst, protocol and kind of action; not known without a baseline"),
    _field("function_in_baseline", "truth", Stage.REST, "the baseline knows that src sends dst this function; not known without a baseline"),
    _field(
        "range_in_baseline",
        "truth",
        Stage.REST,
        "the baseline knows these addresses as written by src in dst or, of reads and of questions about the device, as asked for; not known "
        "without a baseline, nor of other actions",
    ),
    _field("habit_per_s", "number", Stage.REST, "requests a second that src sends dst according to the baseline; not known without one"),
    _field("value", "any", Stage.ROW, "the decoded value, each of them where there are several"),
    _field("latency_ms", "number", Stage.ROW, "time from request to response"),
    _field(
        "request_function",
        "number",
        Stage.ROW,
        "function code of the request that a response answers: devices answer with another (DNP3 always does); not known of a response whose request "
        "was not seen",
    ),
    _field("request_place", "text", Stage.ROW, "place of the first item of that request"),
    _field("other_card", "truth", Stage.ROW, "it came from another network card than its sender's address had minutes before"),
    *_LATE,
    _field(
        "writer",
        "text",
        Stage.LATE,
        "what the source was to its target at the time: permitted, engineering or denied (site file), learned (baseline), polls (asks it, or "
        "receives its reports, since the start of the observation), polls_from_outside (the same from another network), cyclic (has sent this very "
        "command at one rate since then), unknown",
        WRITERS,
    ),
    _field(
        "requests_seen",
        "truth",
        Stage.LATE,
        "requests of src to dst were seen; false: this tap shows the responses of dst only",
    ),
    _field("responses_seen", "truth", Stage.LATE, "dst had been seen to respond to somebody; false: to nobody, or this tap shows requests only"),
    _field("steady", "truth", Stage.LATE, "this very message has been sent at one rate since the start of the observation"),
    _field(
        "new_question",
        "truth",
        Stage.LATE,
        "src had long asked dst the same when it asked this for the first time; not known of hosts that came late, nor with a baseline",
    ),
    _field("steady_per_s", "number", Stage.LATE, "that rate, in messages a second; not known where it is not steady"),
    _field("after_start", "truth", Stage.LATE, "this very message was sent for the first time later than ten seconds into the observation"),
    _field("new_verb", "truth", Stage.LATE, "src speaks to dst since normal was learned (or in the baseline), but never did this kind of action"),
)
_FLOWS: Final = (
    _field("event", "text", Stage.SIGNATURE, "what happened to the flow", tuple(kind.name.lower() for kind in FlowEvent)),
    _field("transport", "text", Stage.SIGNATURE, "tcp, udp, icmp, ..."),
    _field("port", "number", Stage.SIGNATURE, "port of the server, never the client's"),
    _field("protocol", "text", Stage.SIGNATURE, "OT protocol, once identified"),
    _field("direction_how", "text", Stage.SIGNATURE, "how client and server were distinguished", tuple(how.name.lower() for how in DirectionHow)),
    _field("vlan", "number", Stage.SIGNATURE, "outermost VLAN id of the flow's first packet; not known where it had none"),
    *_PAIR,
    _field(
        "service_in_baseline",
        "truth",
        Stage.REST,
        "the baseline knows this transport and port between src and dst (ports from 49152 on are one); not known without a baseline, nor of groups",
    ),
    _field(
        "vlan_of_zone",
        "truth",
        Stage.REST,
        "vlan is one of those that the site file lists for src's zone; not known where it lists none or there is no vlan",
    ),
    _field(
        "answered",
        "truth",
        Stage.OUTCOME,
        "dst sent something other than a reset; false: it refused, or nothing came in three seconds although this tap shows answers to src",
    ),
    _field(
        "carried_data",
        "truth",
        Stage.OUTCOME,
        "both sides sent payload; false: it was refused, not answered or closed without any in three seconds, on a tap that shows both directions; "
        "of a connection that was accepted and stays open it is not known",
    ),
    _field("sent_data", "truth", Stage.OUTCOME, "src sent payload; false: the connection was not answered, or closed without any, in three seconds"),
    *_LATE,
)
OUTCOMES: Final = ("answered", "carried_data", "sent_data")  # in this order in the signature of a flow event whose outcome is decided
_ANOMALIES: Final = (
    _field("anomaly", "text", Stage.SIGNATURE, "layer or protocol and kind: modbus.quantity"),
    _field("layer", "text", Stage.SIGNATURE, "layer or protocol"),
    *_PAIR,
    *_LATE,
    _field("known_quirk", "truth", Stage.REST, "the baseline knows that responses of src in this protocol deviate; no without a baseline"),
)
_FACTS: Final = (
    _field("kind", "text", Stage.SIGNATURE, "vendor, model, order_number, firmware, serial, name, state, ..."),
    _field("source", "text", Stage.SIGNATURE, "message that told it"),
    *_PAIR,
    *_LATE,
    _field("value", "text", Stage.REST, "what it says"),
    _field("child", "text", Stage.REST, "device behind dst that it is about"),
    _field("changed", "truth", Stage.REST, "another value was reported before"),
    _field(
        "quirk_in_baseline",
        "truth",
        Stage.REST,
        "of a quirk: the baseline knows it of the device; not known without a baseline, nor of a device that it does not know in that protocol",
    ),
    _field("value_indicator", "truth", Stage.REST, "threat intelligence (--intel) names value: a domain, hash or fingerprint; not known without it"),
)
_SILENCES: Final = (
    _field("protocol", "text", Stage.SIGNATURE, "name of the protocol"),
    *_PAIR,
    *_LATE,
    _field("unit", "number", Stage.REST, "unit id, link address, rack and slot"),
    _field("requests", "number", Stage.REST, "requests in a row that had no response when the silence was reported"),
    _field("seconds", "number", Stage.REST, "since the first of them"),
)
_SURGES: Final = (
    *(field for field in _OPERATIONS if field.stage is not Stage.ROW),
    _field("surge", "text", Stage.REST, "of which messages there were too many", ("requests", "commands")),
    _field("requests", "number", Stage.REST, "how many there were in five seconds when the surge was reported"),
    _field("habit", "number", Stage.REST, "the most in five seconds before"),
    _field(
        "compared",
        "text",
        Stage.REST,
        "whose habit that is: own, others (other clients of dst), none (nobody else talks to dst)",
        ("own", "others", "none"),
    ),
)

TABLES: Final[dict[str, dict[str, Field]]] = {
    name: {field.name: field for field in fields}
    for name, fields in (
        ("operations", _OPERATIONS),
        ("behaviours", tuple(f for f in _OPERATIONS if f.stage is not Stage.ROW)),
        ("flows", _FLOWS),
        ("anomalies", _ANOMALIES),
        ("facts", _FACTS),
        ("silences", _SILENCES),
        ("surges", _SURGES),
    )
}

OPERATORS: Final[dict[str, tuple[str, ...]]] = {
    "number": ("in", "not", "ge", "gt", "le", "lt", "known"),
    "text": ("in", "not", "contains", "startswith", "known"),
    "truth": ("in", "known"),
    "address": ("in", "not", "cidr", "known"),
    "any": ("in", "not", "ge", "gt", "le", "lt", "contains", "known"),
}
