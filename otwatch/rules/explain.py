"""Inference in words: why a source counts as unknown, as outside, as new."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final

from otwatch.rules.context import Context, LateRecord
from otwatch.rules.knowledge import Knowledge
from otwatch.rules.seams import Indicator

_DAY_NS: Final = 86_400_000_000_000
_MOST_NAMED: Final = 3  # indicators of an alert that are written out


def time_text(timestamp_ns: int) -> str:
    """ISO 8601 with nanoseconds, UTC."""
    seconds, rest = divmod(timestamp_ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def learned_from(knowledge: Knowledge, at_ns: int) -> str:
    """Where the idea of normal came from at a time, without a baseline."""
    if knowledge.learning.until_ns is not None:
        return f"what is normal was learned until {time_text(knowledge.learning.until_ns)[:19]}Z"
    seconds = (knowledge.learned_until_ns(at_ns) - (knowledge.ot_first_ns or knowledge.first_ns)) / 1e9
    return f"what is normal was learned only from the first {seconds:.1f} s in which OT protocols were seen"


def too_short_to_tell(knowledge: Knowledge) -> str:
    """Why nobody can be called unknown."""
    seconds = (knowledge.now_ns - (knowledge.ot_first_ns or knowledge.now_ns)) / 1e9
    seen = f"only {seconds:.1f} s of OT traffic were seen" if seconds * 1e9 < knowledge.learning.needs_ns else "no host was seen polling"
    return f"Too short to tell an unknown host from the operator: {seen} when this was judged."


def explain(context: Context, late: LateRecord, used: Collection[str]) -> str:
    """The sentences for the inferences that the alert rests on."""
    src, dst = late.get("src"), late.get("dst")
    sentences = []
    if "indicator_valid" in used:
        sentences.append(_published(late))
    if "writer" in used:
        sentences.append(_writer(context, late, src, dst))
    if "src_outside" in used and late.get("src_outside"):
        if late.get("conduit") == "denied":
            sentences.append(f"The site file has no conduit from zone {late.get('src_zone')} to zone {late.get('dst_zone')}.")
        elif late.get("src_internet"):
            sentences.append(f"{src} is a public address.")
        else:
            why = "no site file says where they are" if context.site is None else "the site file does not place both"
            sentences.append(
                f"Inferred, as {why}: {src} is not in the network of {dst}, its own network holds no "
                "controllers, and it did not poll this device from the start."
            )
    if "new_talker" in used and late.get("new_talker"):
        sentences.append(
            "The baseline does not know this conversation."
            if context.baseline is not None
            else f"It was first seen after normal was learned; {learned_from(context.knowledge, late.at_ns)}."
        )
    if "src_unknown" in used and late.get("src_unknown"):
        sentences.append(
            f"The baseline does not know the host {src}."
            if context.baseline is not None
            else f"Nothing vouches for {src}: it was not at work with any device while normal was learned, and {dst} has its master."
        )
    if "new_verb" in used and late.get("new_verb"):
        sentences.append(
            "The baseline knows the conversation, but not this kind of action."
            if context.baseline is not None
            else f"The conversation is older than this kind of action; {learned_from(context.knowledge, late.at_ns)}."
        )
    return " ".join(sentence for sentence in sentences if sentence)


def _published(late: LateRecord) -> str:
    """Who says so, how old that is, and until when it holds: an old list of addresses names whoever has them today."""
    valid = [one for one in late.indicators() if one.holds_at(late.at_ns)]
    more = f", and {len(valid) - _MOST_NAMED} more" if len(valid) > _MOST_NAMED else ""
    return f"Published as: {'; '.join(_indicator(one, late.at_ns) for one in valid[:_MOST_NAMED])}{more}."


def _indicator(one: Indicator, at_ns: int) -> str:
    dates = []
    if one.created_ns is not None:
        dates.append(f"{max(at_ns - one.created_ns, 0) // _DAY_NS} days before this traffic")
    if one.valid_until_ns is not None:
        dates.append(f"valid until {time_text(one.valid_until_ns)[:10]}")
    return f"{one.name or 'unnamed'} ({', '.join([one.source, *dates])})"


def _writer(context: Context, late: LateRecord, src: str, dst: str) -> str:
    writer = late.get("writer")
    if writer == "denied":
        return f"The site file names who may command {dst}: {src} is not among them, or not for this."
    if writer == "engineering":
        return f"The site file lists {src} as an engineering host."
    if writer == "learned":
        return f"The baseline knows {src} as commanding {dst}."
    if writer == "polls":
        return (
            f"Inferred: no site file or baseline says who may command {dst}, but {src} has polled it since the beginning of the observation, or was "
            "sent its reports, as an operator station does." + _alone(context, late)
        )
    if writer == "polls_from_outside":
        return f"Inferred: {src} has polled {dst} since the beginning of the observation, as a SCADA server does, but from another network."
    if writer == "cyclic":
        return (
            f"Inferred: no site file or baseline says who may command {dst}, but {src} has sent it this same command "
            f"{late.get('steady_per_s'):.3g} times a second since the beginning of the observation, as controllers do among themselves."
        )
    if writer == "unknown":
        if context.baseline is not None:
            return f"The baseline does not know {src} as commanding {dst}."
        if not context.knowledge.is_settled(late.at_ns):
            return f"Inferred: no site file or baseline says who may command {dst}, and {src} was not seen polling it before."
        return (
            f"Inferred: no site file or baseline says who may command {dst}, and {src} did not poll it while normal was learned "
            f"({learned_from(context.knowledge, late.at_ns)})."
        )
    return ""


def _alone(context: Context, late: LateRecord) -> str:
    """What weakens the inference: an intruder who polls first looks the same."""
    knowledge = context.knowledge
    began, first = knowledge.began_ns(late.src, late.dst), knowledge.first_command_ns(late.src, late.dst)
    seconds = (first - began) / 1e9 if began is not None and first is not None else 0.0
    weak = [f"it had polled for {seconds:.1f} s before its first command"] if seconds > 0 else []
    if knowledge.pollers_of(late.dst, late.at_ns) == 1:
        weak.append("no other host polls the device to compare it with")
    grounds = " and ".join(weak)
    return f" {grounds[:1].upper()}{grounds[1:]}{': an' if weak else 'An'} intruder who polls first looks the same."
