"""What a host is, from what it does."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest

from otwatch.actions import Action
from otwatch.inventory.roles import ORDER, TITLES, Doings, roles_of, subnet

OT, IT = "192.168.10.0/24", "172.16.5.0/24"


def roles(doings: Doings, **more: Any) -> dict[str, str]:
    given: dict[str, Any] = {"ot_subnets": {OT}, "own_subnet": OT, "target_subnets": {OT} if doings.asked else set(), "routed": False, **more}
    return roles_of(doings, **given)


def asked(**actions: int) -> Doings:
    return Doings(asked={"modbus": {Action[name]: count for name, count in actions.items()}}, targets={2})


@pytest.mark.parametrize(("doings", "expected"), [
    (Doings(served={"modbus": 3}), {"controller"}),
    (Doings(served={"dnp3": 3}), {"outstation"}),
    (Doings(served={"dnp3": 3, "modbus": 1}), {"controller"}),
    (Doings(served={"modbus": 3}, units={("modbus", 1), ("modbus", 2)}), {"controller", "gateway"}),
    (Doings(served={"modbus": 3, "s7comm": 3}, units={("modbus", 255), ("s7comm", 2)}), {"controller"}),
    (asked(READ=10, WRITE=2), {"scada_server"}),
    (asked(READ=1, WRITE=5), {"engineering_station"}),
    (asked(READ=50, PROGRAM_DOWNLOAD=1), {"engineering_station", "scada_server"}),
    (asked(READ=1), {"engineering_station"}),
    (Doings(services={"http?"}), {"server"}),
    (Doings(), {"host"}),
])
def test_what_it_does_is_what_it_is(doings: Doings, expected: set[str]) -> None:
    found = roles(doings)
    assert set(found) == expected
    assert all(found.values())  # each with its reason


def test_who_reaches_controllers_from_another_network_is_an_it_host() -> None:
    found = roles(asked(READ=50), own_subnet=IT, routed=True)
    assert found == {"it_host": "reaches controllers from another network (172.16.5.0/24) through a router"}


def test_who_programs_from_another_network_is_still_an_it_host() -> None:
    assert set(roles(asked(READ=50, PROGRAM_DOWNLOAD=3, STOP=1), own_subnet=IT)) == {"it_host"}


def test_who_polls_from_a_network_of_its_own_is_a_scada_server() -> None:
    polling = asked(READ=50, WRITE=2)
    polling.polled = {2}
    assert roles(polling, own_subnet=IT) == {"scada_server": "polls 1 device (50 reads) from a network of its own (172.16.5.0/24)"}
    polling.asked["modbus"][Action.PROGRAM_DOWNLOAD] = 1
    assert set(roles(polling, own_subnet=IT)) == {"it_host"}


def test_who_is_sent_reports_is_a_scada_server() -> None:
    told = Doings(asked={"dnp3": {Action.READ: 1, Action.OTHER: 60, Action.CONTROL: 1}}, targets={2}, reports={2: 60})
    assert set(roles(told)) == {"scada_server"}
    assert set(roles(told, own_subnet=IT)) == {"scada_server"}


def test_who_sends_the_same_in_cycles_is_a_controller() -> None:
    cyclic = asked(WRITE=60)
    cyclic.cycles = 60
    assert set(roles(cyclic)) == {"controller"}
    assert set(roles(asked(WRITE=60))) == {"engineering_station"}


def test_who_owns_the_outputs_of_devices_is_a_controller() -> None:
    assert set(roles(asked(CONNECT=4, REPORT=1))) == {"controller"}
    assert set(roles(asked(CONNECT=4, REPORT=1, READ=20))) == {"controller"}
    assert set(roles(asked(CONNECT=4, REPORT=1), own_subnet=IT)) == {"it_host"}
    assert set(roles(asked(CONNECT=4, REPORT=1, PROGRAM_DOWNLOAD=1))) == {"engineering_station"}


def test_who_is_where_no_controller_is_is_an_it_host() -> None:
    assert set(roles(Doings(used={"http?"}), own_subnet=IT)) == {"it_host"}


def test_nobody_is_an_it_host_where_there_is_no_plant() -> None:
    assert set(roles(Doings(), own_subnet=IT, ot_subnets=set())) == {"host"}


def test_a_controller_that_polls_another_is_both() -> None:
    both = asked(READ=20)
    both.served = {"modbus": 9}
    assert set(roles(both)) == {"controller", "scada_server"}


@pytest.mark.parametrize(("address", "network"), [
    ("192.168.10.77", OT), ("2001:db8::5", "2001:db8::/64"), ("fe80::1", ""), ("169.254.3.4", ""),
])
def test_the_same_network(address: str, network: str) -> None:
    assert subnet(ip_address(address)) == network


def test_every_role_has_a_title() -> None:
    assert set(ORDER) == set(TITLES)
