"""Questions to the asset graph: who can get where, who commands whom, what crosses zones, what hangs on one host. Directed, from client to server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Final

from otwatch.errors import CaptureError
from otwatch.inventory.levels import OT_DEVICES
from otwatch.outputs.snapshot import COMMANDS, Device, Snapshot

if TYPE_CHECKING:
    import networkx as nx

_PATHS: Final = 10
_HOPS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One line of an answer: the hosts in order, what connects them, and what there is to say."""

    hosts: tuple[str, ...]
    services: tuple[str, ...] = ()  # between each host and the next
    remark: str = ""


class Questions:
    """Made of what was observed. Only answered conversations are edges: a refused probe is no way."""

    def __init__(self, snapshot: Snapshot) -> None:
        import networkx as nx  # noqa: PLC0415 - only when somebody asks

        self._nx = nx
        self._device_of: dict[str, Device] = {address: one for one in snapshot.devices.values() for address in (*one.addresses, *one.macs)}
        self._writers_known = snapshot.points is not None
        self.graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
        self.graph.add_nodes_from(snapshot.devices)
        for (client, server, service), way in snapshot.ways.items():
            source, target = self._node(client), self._node(server)
            if source != target:
                self.graph.add_edge(source, target, service, actions=way.actions)

    def _node(self, address: str) -> str:
        device = self._device_of.get(address)
        return device.id if device is not None else address

    def host(self, name: str) -> str:
        """The node of an address, MAC or name. CaptureError when there is none, with what was probably meant."""
        node = self._node(name)
        if node in self.graph:
            return node
        labels = {device.label: device.id for device in self._device_of.values()}
        if name in labels:
            return labels[name]
        from otwatch.documents import nearest  # noqa: PLC0415

        raise CaptureError(f"{name}: no such host was observed{nearest(name, [*self.graph.nodes, *labels])}")

    def _services(self, source: str, target: str) -> str:
        edges = self.graph.get_edge_data(source, target) or {}
        found = sorted((str(service), data["actions"] & COMMANDS) for service, data in edges.items())
        return ", ".join(f"{service} ({', '.join(sorted(acts))})" if acts else service for service, acts in found)

    def _path(self, nodes: list[str], remark: str = "") -> Answer:
        services = tuple(self._services(source, target) for source, target in pairwise(nodes))
        return Answer(hosts=tuple(map(self.label, nodes)), services=services, remark=remark)

    def label(self, node: str) -> str:
        """A host with its name and role."""
        device = self._device_of.get(node)
        if device is None:
            return node
        said = [device.label] if device.label != node else []
        return f"{node} ({', '.join([*said, *device.roles[:1]])})" if said or device.roles else node

    def paths(self, source: str, target: str) -> Iterator[Answer]:
        """The shortest ways on which one host reaches another, host by host."""
        plain = self._nx.DiGraph(self.graph)
        try:
            for nodes in islice(self._nx.shortest_simple_paths(plain, source, target), _PATHS):
                if len(nodes) > _HOPS + 1:
                    return
                yield self._path(nodes)
        except self._nx.NetworkXNoPath:
            return

    def writers_of(self, target: str) -> Iterator[Answer]:
        """Who commands a host, and through whom these were reached."""
        if not self._writers_known:
            raise CaptureError("a store keeps no messages, so it does not know who writes: ask a capture, or otwatch alerts --address")
        for source in sorted(set(self.graph.predecessors(target))):
            acts = {action for data in self.graph.get_edge_data(source, target).values() for action in data["actions"]} & COMMANDS
            if acts:
                before = sorted(set(self.graph.predecessors(source)) - {target})
                yield self._path([source, target], f"reached itself by {', '.join(map(self.label, before))}" if before else "")

    def reach_of(self, source: str) -> Iterator[Answer]:
        """Every host that one can reach, directly or through others, by the shortest way."""
        found = self._nx.single_source_shortest_path(self._nx.DiGraph(self.graph), source, cutoff=_HOPS)
        for nodes in sorted(found.values(), key=lambda nodes: (len(nodes), nodes[-1])):
            if len(nodes) > 1:
                yield self._path(nodes)

    def crossings(self) -> Iterator[Answer]:
        """Conversations between zones; where no zone is stated, between levels that differ."""
        for source, target in sorted(set(self.graph.edges())):
            one, other = self._place(source), self._place(target)
            if one and other and one != other:
                yield self._path([source, target], f"{one} → {other}")

    def _place(self, node: str) -> str:
        device = self._device_of.get(node)
        if device is None:
            return ""
        return f"zone {device.zone}" if device.zone else f"level {device.level:g}" if device.level is not None else ""

    def single_points(self) -> Iterator[Answer]:
        """Hosts without which others, OT devices among them, are cut off from the rest of what was observed."""
        plain = self._nx.Graph(self.graph)
        for node in sorted(self._nx.articulation_points(plain)):
            rest = plain.subgraph(set(plain) - {node})
            parts = sorted(self._nx.connected_components(rest), key=len)
            of_node = set(plain.neighbors(node))
            cut = sorted(host for part in parts[:-1] if part & of_node for host in part)
            devices = [host for host in cut if set(self._roles(host)) & OT_DEVICES]
            if devices:
                yield Answer(hosts=(self.label(node),), remark=f"without it {len(cut)} hosts are on their own: {', '.join(map(self.label, devices))}")

    def _roles(self, node: str) -> tuple[str, ...]:
        device = self._device_of.get(node)
        return device.roles if device is not None else ()
