"""Which advisories are about a device, as far as what it said of itself tells. An advisory is quoted, never turned into "vulnerable"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from otwatch.intel.advisories import Advisory, Library, Product
from otwatch.intel.versions import Range, range_of, version_of

_ORDER, _PATTERN, _MODEL, _FAMILY = 0.95, 0.8, 0.7, 0.4  # how sure it is that the product is the device
_SHORTEST: Final = 5  # characters of an order number or a model: shorter ones are in everything
_FORMS: Final = re.compile(r"\b(ag|inc|corp|corporation|co|ltd|limited|gmbh|llc|kg|sa|se|s\.a|company|electric automation)\b\.?|[.,&]")
_ALIASES: Final = {  # makers by the names that their devices and advisories use
    "allen-bradley": "rockwell automation",
    "rockwell": "rockwell automation",
    "rockwell automation/allen-bradley": "rockwell automation",
    "telemecanique": "schneider electric",
    "telemecanique electrique": "schneider electric",
    "modicon": "schneider electric",
    "schneider": "schneider electric",
    "siemens industry": "siemens",
    "schweitzer engineering": "schweitzer engineering laboratories",
    "sel": "schweitzer engineering laboratories",
    "mitsubishi": "mitsubishi electric",
    "phoenix": "phoenix contact",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A device as it described itself. `where`: capture and frame of the firmware; `doubtful`: attributes with contradicting values."""

    id: str
    vendor: str = ""
    model: str = ""
    order_number: str = ""
    firmware: str = ""
    where: str = ""
    doubtful: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What an advisory says of a device. `result`: affected, possible or outside."""

    subject: str
    result: str
    confidence: float
    reason: str
    advisory: str
    title: str
    publisher: str
    released: str
    url: str
    product: str
    version: str  # the range as the advisory writes it
    cves: tuple[str, ...]
    score: float | None
    remedies: tuple[str, ...]
    twins: tuple[str, ...] = ()  # other advisories on the same CVEs


def maker(text: str) -> str:
    """A maker's name without the form of the company, aliases resolved."""
    plain = " ".join(_FORMS.sub(" ", text.lower()).split())
    return _ALIASES.get(plain, plain)


def findings(subjects: Iterable[Subject], library: Library) -> list[Finding]:
    """What the advisories say of each device: affected, then possible, then outside of the versions, gravest first."""
    found: list[Finding] = []
    for subject in subjects:
        if not (subject.order_number or subject.model):
            continue
        of_subject = [one for advisory in library.advisories for one in _of_advisory(subject, advisory)]
        found += _without_twins(of_subject)
    order = {"affected": 0, "possible": 1, "outside": 2}
    return sorted(found, key=lambda one: (one.subject, order[one.result], -(one.score or 0.0), -one.confidence, one.advisory))


def _without_twins(found: list[Finding]) -> list[Finding]:
    """The maker's advisory and the coordinator's on the same CVEs are one finding: the one that says more certainly leads."""
    order = {"affected": 0, "outside": 1, "possible": 2}
    kept: list[Finding] = []
    for one in sorted(found, key=lambda one: (order[one.result], -one.confidence, one.advisory)):
        twin = next((place for place, other in enumerate(kept) if set(other.cves) & set(one.cves)), None)
        if twin is None:
            kept.append(one)
        else:
            other = kept[twin]
            kept[twin] = Finding(**{name: getattr(other, name) for name in Finding.__slots__ if name != "twins"}, twins=(*other.twins, one.advisory))
    return kept


def _of_advisory(subject: Subject, advisory: Advisory) -> Iterator[Finding]:
    """At most one finding: the gravest of the products that are the device."""
    fitting = [(product, *sure) for product in advisory.products if (sure := _is_the_device(subject, product))]
    if not fitting:
        return
    best = max(confidence for _, confidence, _ in fitting)
    fitting = [one for one in fitting if one[1] == best]
    verdicts = [(*_inside(subject, product, [other for other, _, _ in fitting]), product, why) for product, _, why in fitting]
    order = {"affected": 0, "possible": 1, "outside": 2}
    result, doubt, product, why = min(verdicts, key=lambda one: order[one[0]])
    if best <= _FAMILY and result == "affected":
        result, doubt = "possible", "only the family is the same"
    cves = tuple(sorted(cve for cve, status in product.status.items() if status != "not affected") or product.status)
    scores = [advisory.scores[cve] for cve in cves if cve in advisory.scores]
    seen = f"firmware {subject.firmware}{f' ({subject.where})' if subject.where else ''}" if subject.firmware else "firmware not known"
    yield Finding(
        subject=subject.id,
        result=result,
        confidence=best,
        reason="; ".join(filter(None, (why, seen, doubt))),
        advisory=advisory.id,
        title=advisory.title,
        publisher=advisory.publisher,
        released=advisory.released,
        url=advisory.url,
        product=product.name,
        version=product.version,
        cves=cves,
        score=max(scores, default=None),
        remedies=advisory.remedies,
    )


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text).upper()


def _is_the_device(subject: Subject, product: Product) -> tuple[float, str] | None:
    """How sure it is that a product is the device, and why."""
    number = _squeezed(subject.order_number)
    if len(number) >= _SHORTEST:
        listed = [_squeezed(one) for one in product.order_numbers]
        if number in listed or number in _squeezed(product.name):
            return _ORDER, f"order number {subject.order_number}"
        patterns = [one for one in (*listed, *map(str.upper, _words(product.name))) if "*" in one[_SHORTEST - 1 :]]
        if any(fnmatchcase(number, pattern) for pattern in patterns):
            return _PATTERN, f"order number {subject.order_number} fits the pattern"
        if any("*" not in one for one in listed):
            return None  # the advisory lists order numbers, and this is none of them
    if not subject.model or not subject.vendor or not product.vendor or maker(subject.vendor) != maker(product.vendor):
        return None
    model, name = _words(subject.model), _words(product.name)
    if len(subject.model) >= _SHORTEST and any(character.isdigit() for character in subject.model) and _holds(name, model):
        return _MODEL, f"vendor and model {subject.model}"
    family = [word for word in name if word not in ("family", "series", "cpu", "devices", "all", "incl", "variants")]
    if family and any(any(character.isdigit() for character in word) for word in family) and _holds(model, family):
        return _FAMILY, f"vendor and family of {subject.model}"
    return None


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\s(),;/_]+", text.lower()) if word]


def _holds(words: list[str], wanted: list[str]) -> bool:
    return any(words[place : place + len(wanted)] == wanted for place in range(len(words) - len(wanted) + 1))


def _inside(subject: Subject, product: Product, siblings: list[Product]) -> tuple[str, str]:
    """affected, possible or outside; and what makes it no more than possible."""
    statuses = set(product.status.values())
    span = range_of(product.version) if product.version else Range(())
    if "affected" not in statuses and "under investigation" not in statuses:
        return "outside", f"the advisory calls it {', '.join(sorted(statuses))}"
    if span is None:
        return "possible", f'the range "{product.version}" is not understood'
    if not span.bounds:
        return ("affected", "") if "affected" in statuses else ("possible", "under investigation")
    if not subject.firmware or "firmware" in subject.doubtful:
        return "possible", "contradicting versions" if subject.firmware else ""
    version = version_of(subject.firmware)
    if version is None:
        return "possible", f'the version "{subject.firmware}" is not understood'
    lines = [bound for one in siblings if (other := range_of(one.version)) is not None and (bound := other.only_upper) is not None]
    own = span.only_upper
    if own is not None and len({line.numbers[0] for line in lines}) > 1:  # `< V33.017` and `< V34.014`: each release line has its own end
        majors = {line.numbers[0] for line in lines}
        if version.numbers[0] in majors and own.numbers[0] != version.numbers[0]:
            return "outside", "another release line"
        if version.numbers[0] not in majors and min(majors) < version.numbers[0] < max(majors):
            return "possible", "the advisory does not name this release line"
    held = span.holds(version)
    if held is None:
        return "possible", "the version is less precise than the range"
    if not held:
        return "outside", ""
    return ("affected", "") if "affected" in statuses else ("possible", "under investigation")
