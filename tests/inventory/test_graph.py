"""The asset graph in every format, read back by a reader that is not ours."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import networkx as nx
import pytest

from otwatch.inventory.asset import Asset
from otwatch.inventory.graph import FORMATS, asset_graph, graph_text
from otwatch.inventory.inventory import Talk
from tests.engine.analysing import PLANT, analyse

HOSTILE = 'a"];\n evil -> all [label="\x1b[31m\x00<script>&\\ \ud800'
_COUNTS = {"packets_to_server": 3, "packets_to_client": 2, "payload_to_server": 30, "payload_to_client": 20}
_COUNTS |= {"bytes_to_server": 300, "bytes_to_client": 200}


def asset(name: str, address: str, **more: Any) -> Asset:
    return Asset(id=address, addresses=[address], macs=[], name=name, roles=["controller"], **more)


def talk(client: str, server: str, service: str = "modbus") -> Talk:
    return Talk(client=client, server=server, service=service, protocol=service, server_port=502, first_seen_ns=0, last_seen_ns=1, flows=1,
                counts=dict(_COUNTS), actions={"READ": 4, "WRITE": 1})


@pytest.fixture
def graph() -> Any:
    return asset_graph([asset(HOSTILE, "10.0.0.1", vendor=HOSTILE), asset("", "10.0.0.2")],
                       [talk("10.0.0.2", "10.0.0.1"), talk("10.0.0.2", "10.0.0.1", "tcp/80"), talk("10.0.0.3", "10.0.0.1")])


def read_back(text: str, form: str) -> Any:
    if form == "graphml":
        return nx.read_graphml(io.BytesIO(text.encode()), force_multigraph=True)
    if form == "gexf":
        return nx.read_gexf(io.BytesIO(text.encode()))
    return nx.cytoscape_graph(json.loads(text))


@pytest.mark.parametrize("form", ["graphml", "gexf", "json"])
def test_what_was_written_is_read(graph: Any, form: str) -> None:
    back = read_back(graph_text(graph, form), form)
    assert set(back.nodes) == {"10.0.0.1", "10.0.0.2", "10.0.0.3"}
    assert back.number_of_edges() == 3
    assert sorted(data["service"] for _, _, data in back.edges(data=True)) == ["modbus", "modbus", "tcp/80"]
    assert {data["actions"] for _, _, data in back.edges(data=True)} == {"READ=4 WRITE=1"}
    assert back.nodes["10.0.0.1"]["role"] == "controller"


@pytest.mark.parametrize("form", FORMATS)
def test_no_active_character_is_left(graph: Any, form: str) -> None:
    text = graph_text(graph, form)
    assert [character for character in text if not character.isprintable() and character != "\n"] == []


def test_a_hostile_name_cannot_leave_its_quotes_in_dot(graph: Any) -> None:
    lines = graph_text(graph, "dot").splitlines()
    assert lines[0] == "digraph otwatch {"
    assert len(lines) == 3 + 3 + 3
    assert [line for line in lines if line.startswith(" evil")] == []


@pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is missing")
def test_dot_reads_it(graph: Any) -> None:
    told = subprocess.run(["dot", "-Tplain"], input=graph_text(graph, "dot"), capture_output=True, text=True, check=True).stdout
    assert sum(line.startswith("node ") for line in told.splitlines()) == 3


def test_several_conversations_of_one_service_are_one_edge() -> None:
    one = asset_graph([asset("", "10.0.0.1")], [talk("10.0.0.2", "10.0.0.1"), talk("10.0.0.2", "10.0.0.1")])
    assert one.number_of_edges() == 1
    assert one.edges["10.0.0.2", "10.0.0.1", "modbus"]["packets"] == 10


def test_addresses_of_one_device_are_one_node() -> None:
    device = Asset(id="10.0.0.1", addresses=["10.0.0.1", "10.0.0.9"], macs=["00:80:f4:0a:10:10"])
    one = asset_graph([device], [talk("10.0.0.9", "10.0.0.2"), talk("00:80:f4:0a:10:10", "10.0.0.2", "lldp")])
    assert set(one.nodes) == {"10.0.0.1", "10.0.0.2"}


def test_an_unknown_format_is_refused(graph: Any) -> None:
    with pytest.raises(ValueError, match="graphml"):
        graph_text(graph, "svg")


@pytest.mark.parametrize("form", ["graphml", "gexf", "json"])
def test_the_plant(form: str) -> None:
    result = analyse(Path(PLANT / "plant-attack.pcap")).result
    back = read_back(graph_text(asset_graph(result.assets, result.talks), form), form)
    assert {"192.168.10.10", "172.16.5.66"} <= set(back.nodes)
    assert back.number_of_edges() == len({(talk.client, talk.server, talk.service) for talk in result.talks if talk.took_place})


def test_a_probe_that_nobody_answered_is_no_edge() -> None:
    probe = talk("10.0.0.9", "10.0.0.1")
    probe.actions = {}
    probe.counts["payload_to_client"] = 0
    assert asset_graph([asset("plc", "10.0.0.1"), asset("it", "10.0.0.9")], [probe]).number_of_edges() == 0
