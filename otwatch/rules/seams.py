"""What the rules need from others, and no more: a site, a baseline, names of protocols, a host. Everyone fits without being imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from otwatch.actions import Action
from otwatch.vocabulary import AnomalyKind


class ProtocolNames(Protocol):
    """The part of a ProtocolSpec that puts words to numbers."""

    @property
    def name(self) -> str: ...
    @property
    def function_name(self) -> Callable[[int, int], str]: ...
    @property
    def functions(self) -> Mapping[int, str]: ...
    @property
    def areas(self) -> Mapping[int, str]: ...
    @property
    def status_name(self) -> Callable[[int], str]: ...
    @property
    def value(self) -> Callable[[int, bytes, Mapping[str, int]], Any]: ...
    @property
    def object_name(self) -> Callable[[Mapping[str, int]], str]: ...
    @property
    def point_place(self) -> Callable[[Mapping[str, int]], tuple[int, ...]]: ...
    @property
    def is_answered(self) -> Callable[[Mapping[str, int]], bool]: ...
    @property
    def anomalies(self) -> Sequence[AnomalyKind]: ...


class SitePolicy(Protocol):
    """What the people of the plant say. Addresses are texts."""

    def zone(self, address: str) -> tuple[str, float | None] | None:
        """Name and Purdue level of the zone of an address."""

    def vlans(self, address: str) -> Sequence[int]:
        """The VLANs of the zone of an address; empty when it lists none."""

    def knows(self, address: str) -> bool:
        """Whether any zone, asset or exception holds it."""

    def asset_name(self, address: str) -> str:
        """Name of the asset; empty when there is none."""

    def role(self, address: str) -> str:
        """Role of the asset; empty when there is none."""

    def is_engineering(self, address: str) -> bool:
        """Whether it is listed under engineering."""

    def is_jump_host(self, address: str) -> bool:
        """Whether it is listed under jump_hosts."""

    @property
    def has_jump_hosts(self) -> bool: ...

    def conduit(self, src: str, dst: str) -> str | None:
        """allowed, denied, same; None when it does not know a zone for both."""

    def judge(self, src: str, dst: str, *, protocol: str, action: Action, unit: int, area: str, start: int, count: int) -> str | None:
        """permitted, engineering or denied; None when it says nothing about commands to dst."""

    def ticket(self, src: str, dst: str, action: Action | None, first_ns: int, last_ns: int) -> str | None:
        """Id of the maintenance ticket that covers all of it."""

    def accepted(self, rule: str, src: str, dst: str, now_ns: int) -> str | None:
        """The reason for which the plant accepts this alert."""


class Known(Protocol):
    """What was learned as normal. Addresses are texts."""

    def talks(self, src: str, dst: str, protocol: str) -> bool:
        """Whether src spoke this protocol to dst."""

    def does(self, src: str, dst: str, protocol: str, action: Action) -> bool:
        """Whether it did this kind of action (actions.VERBS)."""

    def sends(self, src: str, dst: str, protocol: str, function: int, subfunction: int) -> bool | None:
        """Whether it sent this function; None when functions were not kept."""

    def covers(
        self, src: str, dst: str, protocol: str, *, action: Action, unit: int, area: int, object: int, start: int, count: int
    ) -> bool | None:
        """Whether it wrote, or asked for, these addresses; None when that is not kept of this action."""

    def repeats_per_s(self, src: str, dst: str, protocol: str, *, action: Action, unit: int, area: int, object: int, start: int, count: int) -> float:
        """How many times a second it wrote, or asked for, exactly these addresses."""

    def rate_per_s(self, src: str, dst: str, protocol: str) -> float | None:
        """How many requests a second it sent, on the whole; None when it is not known."""

    def uses(self, client: str, server: str, transport: str, port: int) -> bool | None:
        """Whether the client used this service of the server (port -1 where there are none); None when services were never learned."""

    def has_host(self, address: str) -> bool | None:
        """Whether the address was seen at all."""

    def has_quirk(self, device: str, protocol: str, quirk: str) -> bool | None:
        """Whether the device's responses had this quirk; None when that is not known."""

    def is_quirky(self, device: str, protocol: str) -> bool:
        """Whether it knows any quirk of the device."""


class Indicator(Protocol):
    """One value that somebody published as belonging to an attacker."""

    @property
    def name(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def created_ns(self) -> int | None: ...
    @property
    def valid_until_ns(self) -> int | None: ...
    def holds_at(self, timestamp_ns: int) -> bool:
        """Whether it is valid at a time."""


class Intelligence(Protocol):
    """What others published."""

    def of_address(self, text: str) -> Sequence[Indicator]:
        """The indicators that name an address."""

    def of_value(self, value: str) -> Sequence[Indicator]:
        """The indicators that name a domain, hash or fingerprint."""


class HostView(Protocol):
    """What the inventory knows of an address."""

    @property
    def mac(self) -> str | None: ...
    @property
    def name(self) -> str: ...
    @property
    def roles(self) -> Sequence[str]: ...
