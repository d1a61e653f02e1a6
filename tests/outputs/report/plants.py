"""Results made by hand: a plant of any size, and one in which every text of the wire is hostile."""

from __future__ import annotations

from typing import Any

from otwatch.alerts.coverage import Coverage
from otwatch.alerts.incidents import gather
from otwatch.capture.report import CaptureReport
from otwatch.inventory.asset import Asset, Child, KnownFact
from otwatch.inventory.identity import conflicts_of, identity_of, names_of
from otwatch.inventory.inventory import Talk
from otwatch.inventory.levels import level_of
from otwatch.inventory.tally import SUMMED
from otwatch.outputs.result import BlindSpot, Result
from otwatch.outputs.view.activity import Activity, Command, FunctionLine
from tests.alerts.making import act, alert

BASE_NS = 1_795_000_000_000_000_000
HOSTILE = (
    "<script>document.documentElement.dataset.hit=1</script>",
    '"><img src=x onerror="document.documentElement.dataset.hit=1">',
    "' onmouseover='document.documentElement.dataset.hit=1",
    "</script><script>document.documentElement.dataset.hit=1</script>",
    "</style><script>document.documentElement.dataset.hit=1</script>",
    "{{ 7*7 }}{% for a in b %}${7*7}<%= 7*7 %>",
    "&lt;b&gt;&amp;<!--",
    "\u202egnp.exe\u2066\u2028\u2029\u0000\u0007\u001b[31m",
    "__proto__",
    "constructor",
    "javascript:alert(1)",
    "A" * 10_000,
    "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWW",
    "控制器控制器控制器控制器控制器控制器",
)


def report(path: str = "captures/plant.pcap") -> CaptureReport:
    return CaptureReport(
        path=path,
        format="pcap",
        compression="",
        packets=10,
        captured_bytes=100,
        wire_bytes=100,
        first_ns=BASE_NS,
        last_ns=BASE_NS + 10**9,
        link_types={1: 10},
        interfaces=(),
        snapped=0,
        time_backwards=0,
        cut_short_at=None,
        skipped_bytes=0,
        problems=(),
        problem_counts={},
    )


def result(**more: Any) -> Result:
    given: dict[str, Any] = {
        "captures": [report()],
        "unreadable": [],
        "packets": 10,
        "wire_bytes": 100,
        "first_ns": BASE_NS,
        "last_ns": BASE_NS + 60 * 10**9,
        "operations": 5,
        "protocols": {},
        "assets": [],
        "talks": [],
        "alerts": [],
        "incidents": [],
        "anomalies": {},
        "blind_spots": [],
        "coverage": Coverage(judged=90, not_judged=11),
        **more,
    }
    return Result(**given)


def asset(address: str, role: str = "controller", **more: Any) -> Asset:
    given: dict[str, Any] = {"addresses": [address], "macs": [], "roles": [role], "first_seen_ns": BASE_NS, "last_seen_ns": BASE_NS + 10**9, **more}
    facts = given.get("facts", [])
    found = Asset(id=address, **{"identity": identity_of(facts), "conflicts": conflicts_of(facts), "names": names_of(facts), **given})
    found.level, found.level_source = level_of(role, found.addresses, found.zone_level)
    return found


def talk(client: str, server: str, service: str = "modbus", **more: Any) -> Talk:
    counts = {**dict.fromkeys(SUMMED, 0), "packets_to_server": 5, "packets_to_client": 5, "payload_to_server": 50, "payload_to_client": 50}
    given: dict[str, Any] = {
        "protocol": service if service in ("modbus", "s7comm", "dnp3") else "",
        "server_port": 502,
        "first_seen_ns": BASE_NS,
        "last_seen_ns": BASE_NS + 10**9,
        "flows": 1,
        "actions": {"READ": 5},
        **more,
    }
    return Talk(client=client, server=server, service=service, counts={**counts, **more.pop("counts", {})}, **given)


def plant(assets: int, talks: int) -> Result:
    """Cells of 50 controllers behind two operator stations each, in order of nothing in particular."""
    found, between = [], []
    cells = max(1, assets // 50)
    addresses = []
    for number in range(assets):
        cell, place = number % cells, number // cells
        address = f"10.{cell // 200}.{cell % 200}.{place + 1}"
        role = "scada_server" if place < 2 else "outstation" if place % 5 == 0 else "controller"
        addresses.append(address)
        found.append(
            asset(
                address,
                role,
                zone=f"cell {cell:03}",
                name=f"dev-{cell}-{place}",
                name_source="site",
                protocols={"modbus": "client" if place < 2 else "server"},
            )
        )
    for number in range(talks):
        server, way = number % assets, number // assets
        client = server % cells + cells * (way % 2)
        if client != server and client < assets:
            actions = {"READ": 100, **({"WRITE": 3} if number % 7 == 0 else {})}
            between.append(talk(addresses[client], addresses[server], ("modbus", "s7comm", "dnp3", "http", "https")[way % 5], actions=actions))
    return result(assets=found, talks=between)


def hostile() -> tuple[Result, Activity]:
    """Every text that can come from the wire, in every field that can hold one."""
    assets, talks, commands, alerts = [], [], [], []
    for number, text in enumerate(HOSTILE):
        address, other = f"192.168.1.{number + 1}", f"192.168.2.{number + 1}"
        fact = KnownFact(kind=text, value=text, source=text, confidence=1.0, frame=1, file=f"/secret/folder/{text}")
        known = [
            KnownFact(kind=kind, value=text, source=text, confidence=1.0, frame=1, file=text)
            for kind in ("name", "model", "firmware", "serial", "vendor")
        ]
        child = Child(name=text, protocol=text, unit=1, messages=1, answered=True, facts=[fact])
        assets.append(
            asset(
                address,
                name=text,
                vendor=text,
                vendor_source="fact",
                zone=text,
                behind=text,
                macs=[],
                role_reasons={"controller": text},
                protocols={text: "server"},
                facts=[fact, *known],
                children=[child],
            )
        )
        assets.append(asset(other, "scada_server", zone="b"))
        talks.append(talk(other, address, text, protocol=text, actions={"WRITE": 1}))
        commands.append(
            Command(
                source=other,
                target=address,
                protocol=text,
                function=text,
                action="WRITE",
                unit=text,
                point=text,
                value=text,
                count=1,
                first_ns=BASE_NS,
                last_ns=BASE_NS,
                first_frame=1,
            )
        )
        found = alert(f"x.{number}", other, address, acts=(act("WRITE", dst=address, objects=(text,), value=text, function_name=text),))
        found.title = found.src_name = found.dst_name = found.src_zone = found.dst_zone = found.why = found.file = text
        found.false_positives = found.attack = (text,)
        alerts.append(found)
    whole = result(
        captures=[report(f"/secret/folder/{HOSTILE[0]}.pcap")],
        assets=assets,
        talks=talks,
        alerts=alerts,
        incidents=gather(alerts),
        anomalies=dict.fromkeys(HOSTILE, 1),
        blind_spots=[BlindSpot(kind="x", count=1, text=text) for text in HOSTILE],
    )
    functions = tuple(FunctionLine(protocol=text, function=text, action="WRITE", counts=(1, 0, 2)) for text in HOSTILE)
    return whole, Activity(first_ns=BASE_NS, bin_ns=10**9, packets=(1, 2, 3), requests=(1, 0, 2), functions=functions, commands=tuple(commands))
