"""The asset graph as a networkx graph, and the formats that other tools read. networkx is imported here and nowhere in the loop."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from otwatch.inventory.asset import Asset
from otwatch.inventory.inventory import Talk

if TYPE_CHECKING:
    import networkx as nx

FORMATS = ("graphml", "gexf", "json", "dot")


def asset_graph(assets: Sequence[Asset], talks: Sequence[Talk]) -> nx.MultiDiGraph[str]:
    """Nodes are assets (by id), edges are answered conversations from client to server, keyed by service, with counts per action as attributes."""
    import networkx as nx  # noqa: PLC0415 - only when a graph is asked for

    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    node_of: dict[str, str] = {}
    for asset in assets:
        graph.add_node(
            asset.id,
            label=asset.label,
            role=asset.role,
            level=-1.0 if asset.level is None else asset.level,
            vendor=asset.vendor,
            model=asset.said("model"),
            firmware=asset.said("firmware"),
            zone=asset.zone,
            addresses=" ".join(asset.addresses),
            macs=" ".join(asset.macs),
            children=len(asset.children),
        )
        for name in (*asset.addresses, *asset.macs):
            node_of.setdefault(name, asset.id)
    for talk in talks:
        if not talk.took_place:  # a probe that nobody answered is no way
            continue
        client, server = node_of.get(talk.client, talk.client), node_of.get(talk.server, talk.server)
        for name in (client, server):
            if name not in graph:
                graph.add_node(name, label=name, role="", level=-1.0, vendor="", model="", firmware="", zone="", addresses=name, macs="", children=0)
        counts: dict[str, Any] = {
            "service": talk.service,
            "flows": talk.flows,
            "packets": talk.counts["packets_to_server"] + talk.counts["packets_to_client"],
            "bytes": talk.counts["bytes_to_server"] + talk.counts["bytes_to_client"],
            "actions": " ".join(f"{name}={count}" for name, count in sorted(talk.actions.items())),
        }
        key = talk.service
        if graph.has_edge(client, server, key):
            edge = graph.edges[client, server, key]
            for name in ("flows", "packets", "bytes"):
                edge[name] += counts[name]
        else:
            graph.add_edge(client, server, key, **counts)
    return graph


def graph_text(graph: nx.MultiDiGraph[str], form: str) -> str:
    """The graph in one of FORMATS; control characters, which XML cannot hold, become spaces."""
    import networkx as nx  # noqa: PLC0415

    clean = nx.relabel_nodes(graph, {name: _clean(name) for name in graph.nodes})
    for _, attributes in clean.nodes(data=True):
        attributes.update({name: _clean(value) for name, value in attributes.items()})
    for _, _, attributes in clean.edges(data=True):
        attributes.update({name: _clean(value) for name, value in attributes.items()})
    if form == "graphml":
        return "\n".join(nx.generate_graphml(clean)) + "\n"
    if form == "gexf":
        return "\n".join(nx.generate_gexf(clean)) + "\n"
    if form == "json":
        return json.dumps(nx.cytoscape_data(clean), indent=1, sort_keys=True) + "\n"
    if form == "dot":
        return _dot(clean)
    raise ValueError(f"unknown graph format {form!r}: use one of {', '.join(FORMATS)}")


def _clean(value: Any) -> Any:
    return "".join(character if character.isprintable() else " " for character in value) if isinstance(value, str) else value


def _dot(graph: nx.MultiDiGraph[str]) -> str:
    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    lines = ["digraph otwatch {", "  rankdir=TB; node [shape=box];"]
    for name in sorted(graph.nodes):
        attributes = graph.nodes[name]
        label = (attributes["label"] + " " + attributes["role"]).strip()
        lines.append(f"  {quoted(name)} [label={quoted(label)}];")
    for client, server, attributes in sorted(graph.edges(data=True), key=lambda edge: (edge[0], edge[1], edge[2]["service"])):
        lines.append(f"  {quoted(client)} -> {quoted(server)} [label={quoted(attributes['service'])}];")
    return "\n".join([*lines, "}"]) + "\n"
