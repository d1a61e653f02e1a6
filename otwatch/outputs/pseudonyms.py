"""Results that can be shown to others: addresses, MACs, names and file paths are replaced, the same one everywhere by the same other one.

Networks stay networks: two IP addresses that share a prefix share one afterwards (the construction of Crypto-PAn, J. Xu et al. 2002, with
HMAC-SHA-256), private stay private and public ones public. The key decides, so that results of different days can be compared; without it
nothing leads back.
"""

from __future__ import annotations

import dataclasses
import enum
import hmac
import ipaddress
import json
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeVar

from otwatch.errors import CaptureError
from otwatch.inventory.asset import Asset
from otwatch.outputs.result import Result
from otwatch.site.site import Site

_Thing = TypeVar("_Thing")
_VERSION: Final = 1
_MAC: Final = r"(?<![0-9A-Za-z:])(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}(?![0-9A-Za-z:])"
_IPV6: Final = r"(?<![0-9A-Za-z:.])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}(?:/\d{1,3})?(?![0-9A-Za-z:])"
_IPV4: Final = r"(?<![0-9A-Za-z.])(?:\d{1,3}\.){3}\d{1,3}(?:/\d{1,2})?(?![0-9A-Za-z]|\.\d)"
# What a host or its owner chose, and what names one device of its kind: identity attributes that are replaced as names are.
_NAMING: Final = frozenset(
    {"name", "host_name", "hostname", "domain", "location", "contact", "serial", "station", "user", "certificate_subject", "certificate_name",
     "certificate_uri", "certificate_issuer", "certificate_thumbprint", "certificate_sha256", "server_name", "plant", "system_name"}
)  # fmt: skip
_AS_IT_IS: Final = frozenset({"firmware", "software", "hardware", "version", "model", "order_number", "vendor"})  # kinds whose value names no plant
# Fields that hold words of otwatch or of a protocol: a host that is called "modbus" does not change them.
_WORDS: Final = frozenset(
    {"type", "severity", "rule", "protocol", "protocols", "protocol_names", "action", "outcome", "evaluable", "kind", "function", "function_name",
     "status_name", "role", "roles", "model", "firmware", "order_number", "vendor", "vendor_source", "name_source",
     "level_source", "transport", "attack", "format"}
)  # fmt: skip
_MAC_OCTETS: Final = 6
_SHORTEST: Final = 2  # letters of a name that is looked for in running text
# Blocks that say what an address is: what follows is replaced, they stay.
_BLOCKS: Final = tuple(
    ipaddress.ip_network(text)
    for text in ("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/4",
                 "240.0.0.0/4", "::/16", "fc00::/7", "fe80::/10", "ff00::/8", "2000::/3")
)  # fmt: skip
_UNCHANGED: Final = frozenset({"0.0.0.0", "255.255.255.255", "127.0.0.1", "::", "::1"})  # noqa: S104 - no address that anything binds to


class Pseudonyms:
    """What stands for what. `known` grows with what was replaced: it is what the owner of the key reads an answer with."""

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.known: dict[str, str] = {}  # pseudonym -> what it stands for
        self._names: dict[str, str] = {}
        self._ips: dict[ipaddress.IPv4Address | ipaddress.IPv6Address, str] = {}
        self._pattern = self._compiled()

    # learning names

    def learn(self, result: Result, site: Site | None) -> None:
        """Notes the names and paths of a result and of the site file: they are found in running text afterwards."""
        self.learn_paths([capture.path for capture in result.captures])
        self.learn_ids([*(alert.id for alert in result.alerts), *(incident.id for incident in result.incidents)])
        if site is not None:
            self._name(site.name, "plant")
            for zone in site.zones:
                self._name(zone.name, "zone")
            for asset in site.assets:
                self._name(asset.name, "name")
        self.learn_assets(result.assets)

    def learn_paths(self, paths: Iterable[str]) -> None:
        """Notes the paths and names of captures."""
        for path in paths:
            self._name(path, "capture", Path(path).suffix)
            self._name(Path(path).name, "capture", Path(path).suffix)
        self._pattern = self._compiled()

    def learn_ids(self, ids: Iterable[str]) -> None:
        """Notes the ids of alerts and incidents."""
        for identifier in ids:
            self._identifier(identifier)
        self._pattern = self._compiled()

    def learn_assets(self, assets: Iterable[Asset]) -> None:
        """Notes the names and addresses of hosts."""
        for one in assets:
            for name in _names_of(one):
                self._name(name, "name")
            for address in one.addresses:
                self._one(address)
        self._pattern = self._compiled()

    def _name(self, text: str, kind: str, suffix: str = "") -> None:
        if len(text) < _SHORTEST or text in self._names or _is_address(text):
            return
        self._names[text] = self._note(f"{kind}-{self._digest(f'{kind}|{Path(text).name}')[:3].hex()}{suffix}", text)

    def _identifier(self, text: str) -> None:
        """Ids are hashes of addresses and times: who guesses the address could prove it."""
        other = self._digest(f"id|{text}")[:8].hex()
        self._names[text] = self._note(other, text)
        self._names[f"INC-{text[:8]}"] = f"INC-{other[:8]}"

    def _compiled(self) -> re.Pattern[str]:
        names = sorted(map(re.escape, self._names), key=len, reverse=True)
        named = [rf"(?<![0-9A-Za-z_])(?:{'|'.join(names)})(?![0-9A-Za-z_])"] if names else []
        return re.compile("|".join([*named, _MAC, _IPV6, _IPV4]))

    # replacing

    def text(self, text: str) -> str:
        """A text in which everything that identifies the plant is replaced."""
        return self._pattern.sub(lambda match: self._one(match[0]), text)

    def octets(self, octets: bytes) -> bytes:
        """What stands for an address as packets have it: 6 octets are a MAC, 4 and 16 an IP address."""
        if len(octets) == _MAC_OCTETS:
            return bytes.fromhex(self._mac(octets.hex(":")).replace(":", ""))
        return ipaddress.ip_address(self._ip(ipaddress.ip_address(octets))).packed

    @staticmethod
    def address_text(octets: bytes) -> str:
        """An IP address of a packet as text."""
        return str(ipaddress.ip_address(octets))

    def holds(self, payload: bytes) -> bool:
        """Whether bytes hold something that would be replaced: a name or address as text (UTF-16, too), or an address of the plant in binary."""
        readings = (payload.decode("latin-1"), payload[::2].decode("latin-1"), payload[1::2].decode("latin-1"))
        if any(self._one(match[0]) != match[0] for text in readings for match in self._pattern.finditer(text)):
            return True
        return any(address.packed in payload for address in self._ips)

    def of(self, thing: _Thing) -> _Thing:
        """The same thing of other strings: dataclasses, mappings and lists of them. What is given stays as it is."""
        replaced: _Thing = self._of(thing, "")
        return replaced

    def _of(self, thing: Any, name: str) -> Any:
        if isinstance(thing, str):
            return thing if name in _WORDS or isinstance(thing, enum.Enum) else self.text(thing)
        if isinstance(thing, Mapping):
            kept = thing.get("kind") in _AS_IT_IS
            return {
                (self.text(key) if isinstance(key, str) else key): value if kept and key == "value" else self._of(value, str(key))
                for key, value in thing.items()
            }
        if isinstance(thing, list | tuple | set | frozenset):
            parts = [self._of(part, name) for part in thing]
            return type(thing)(*parts) if hasattr(thing, "_fields") else type(thing)(parts)
        if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
            kept = getattr(thing, "kind", "") in _AS_IT_IS
            values = {field: getattr(thing, field) for field in _fields(type(thing))}
            return _made(type(thing), {field: value if kept and field == "value" else self._of(value, field) for field, value in values.items()})
        return thing

    def _one(self, found: str) -> str:
        named = self._names.get(found)
        if named is not None:
            return named
        if found.count(":") == 5 and len(found) == 17:
            return self._mac(found)
        address, slash, length = found.partition("/")
        try:
            ip = ipaddress.ip_address(address)
            if not slash:
                return self._ip(ip)
            return str(ipaddress.ip_network(f"{self._ip(ip)}/{length}", strict=False))
        except ValueError:
            return found  # a time, a version: no address

    def _mac(self, text: str) -> str:
        octets = bytes.fromhex(text.replace(":", ""))
        if octets[0] & 1 or not any(octets):
            return text  # groups say what they are for, not who is in them
        return self._note("02:" + self._digest(b"mac" + octets)[:5].hex(":"), text)

    def _ip(self, ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
        if str(ip) in _UNCHANGED or ip.is_multicast:
            return str(ip)
        found = self._ips.get(ip)
        if found is None:
            block, other = _block(ip), ip
            while True:  # a permutation walked until it lands in the block that it began in: still one to one
                other = self._permuted(other, block.prefixlen if block is not None else 0)
                if _block(other) == block:
                    break
            found = self._ips[ip] = self._note(str(other), str(ip))
        return found

    def _permuted(self, ip: ipaddress.IPv4Address | ipaddress.IPv6Address, kept: int) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
        """Each bit after the first `kept` is turned over or not by what stands before it."""
        bits = ip.max_prefixlen
        number = other = int(ip)
        for at in range(kept, bits):
            prefix = number >> (bits - at)
            if self._digest(f"{ip.version}|{at}|{prefix}")[0] & 1:
                other ^= 1 << (bits - at - 1)
        return type(ip)(other)

    def _digest(self, text: str | bytes) -> bytes:
        return hmac.digest(self.key, text.encode() if isinstance(text, str) else text, sha256)

    def _note(self, pseudonym: str, original: str) -> str:
        self.known[pseudonym] = original
        return pseudonym


def _names_of(asset: Asset) -> Iterable[str]:
    yield asset.name
    yield from asset.names.values()
    if asset.zone and not asset.zone_inferred:
        yield asset.zone
    facts = [*asset.facts, *asset.identity.values(), *(fact for child in asset.children for fact in child.facts)]
    yield from (fact.value for fact in facts if fact.kind in _NAMING)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


@cache
def _block(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    return next((block for block in _BLOCKS if block.version == ip.version and ip in block), None)


@cache
def _fields(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


def _made(kind: type, values: dict[str, Any]) -> Any:
    """A dataclass with these fields, also one that computes them itself."""
    made: Any = object.__new__(kind)
    for name, value in values.items():
        object.__setattr__(made, name, value)
    return made


def load_pseudonyms(path: str) -> Pseudonyms:
    """The key of a file, or a new one where there is none yet. CaptureError when it is no such file."""
    place = Path(path)
    if not place.exists():
        return Pseudonyms(secrets.token_bytes(32))
    try:
        saved = json.loads(place.read_text(encoding="utf-8"))
        names = Pseudonyms(bytes.fromhex(saved[f"otwatch_pseudonyms_{_VERSION}"]))
        names.known = {str(key): str(value) for key, value in saved["stands_for"].items()}
    except OSError as error:
        raise CaptureError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CaptureError(f"{path}: no key of --share: name a file that it wrote, or one that is not there yet") from error
    return names


def save_pseudonyms(names: Pseudonyms, path: str) -> None:
    """Writes key and table so that only their owner can read them. CaptureError when that is not possible."""
    saved = {f"otwatch_pseudonyms_{_VERSION}": names.key.hex(), "stands_for": dict(sorted(names.known.items()))}
    try:
        beside = Path(f"{path}.new")
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(saved, file, indent=1)
            file.write("\n")
        beside.replace(path)
    except OSError as error:
        raise CaptureError(f"{path}: cannot be written: {error.strerror}") from error
