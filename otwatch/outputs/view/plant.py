"""The parts of the view that need the whole plant: assets, map, conversations, writers, timeline. Frozen, of plain text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from otwatch.alerts.severity import Severity
from otwatch.outputs.map.layout import Box, Layout
from otwatch.outputs.view.model import View


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """One capture that was read."""

    name: str  # without its folder
    size: int | None
    sha256: str
    format: str
    packets: int
    first: str
    last: str
    span: str
    incidents: int
    problems: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FactRow:
    """One thing that traffic said of a device."""

    about: str  # the device behind it, or empty
    kind: str
    value: str
    source: str
    frame: int
    file: str
    count: int
    confidence: str = ""  # where it is not certain
    time: str = ""
    conflict: bool = False  # another value of the same kind contradicts it


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetRow:
    """One asset, as table and sheet show it."""

    number: int  # its place in the list: the only name that element ids use
    address: str
    name: str
    name_source: str
    names: tuple[str, ...]
    label: str  # what people call it: a name that a host chose itself never stands in for its address
    role: str
    role_title: str
    role_reason: str
    roles: str  # further ones, with their reasons
    level: float | None
    level_text: str
    level_source: str
    zone: str
    zone_source: str
    vendor: str
    vendor_source: str
    model: str
    order_number: str
    firmware: str
    serial: str
    identity: tuple[FactRow, ...]  # the value of each attribute that is shown
    conflicts: tuple[str, ...]
    unidentified_reason: str
    protocols: str
    protocol_names: tuple[str, ...]
    received: int  # commands
    sent: int
    flags: tuple[str, ...]
    severity: Severity | None  # gravest incident that it is part of
    incidents: tuple[int, ...]  # numbers
    first: str
    last: str
    last_ns: int
    packets: int
    traffic: str
    addresses: tuple[str, ...]
    macs: tuple[str, ...]
    merged_by: str
    vlans: str
    behind: str
    children: tuple[str, ...]
    facts: tuple[FactRow, ...]
    facts_left_out: int
    observed: tuple[str, ...]  # evaluation: what was seen at it
    by_design: tuple[str, ...]  # what its protocols allow anyone
    unknown: tuple[str, ...]  # what nothing on the wire says, and what would reveal it
    helps: tuple[str, ...]  # what would compensate, and what is in place


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of the table of assets that is left out where no asset has anything in it."""

    title: str
    of: Callable[[AssetRow], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationRow:
    """One conversation."""

    client: int  # number of the asset, -1 where it is none
    client_text: str
    server: int
    server_text: str
    service: str
    packets: int
    what: str
    kind: str  # as a line of the map: incident, command, read, other, tried
    crosses: bool
    one_way: bool
    first: str
    last: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MapLine:
    """All that one asset, or a folded group, did with another in one class."""

    source: str  # key of a symbol
    target: str
    kind: str  # incident, command, read, other, tried
    packets: int
    width: int  # tenths of a pixel
    path: str  # of the drawing
    protocols: tuple[str, ...]
    actions: tuple[str, ...]
    incidents: tuple[int, ...]
    crosses: bool
    denied: bool  # the site file has no conduit for it
    first_ns: int
    last_ns: int
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MapMember:
    """An asset inside a folded group: its own final place, in hundredths of a pixel."""

    number: int
    x: int
    y: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MapSymbol:
    """One asset, or a folded group."""

    key: str  # "a12", "g3"
    number: int  # of the asset; -1 for a group
    role: str
    title: str  # first line
    subtitle: str
    words: str  # accessible name
    severity: Severity | None
    behind: bool
    children: int
    incidents: tuple[int, ...]
    spot: Box
    members: tuple[MapMember, ...] = ()
    size: int = 0  # of a member's slot, hundredths of a pixel


@dataclass(frozen=True, slots=True, kw_only=True)
class MapView:
    """The drawing."""

    layout: Layout
    symbols: tuple[MapSymbol, ...]  # in reading order
    lines: tuple[MapLine, ...]
    pairs: tuple[MapLine, ...]  # between single assets, where groups are folded: drawn on demand
    folded: bool
    groups: tuple[tuple[str, str, int], ...]  # multicast and broadcast: address, publishers, packets
    unanswered: int  # conversations with addresses that never answered and are no asset


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterCell:
    """What one source commanded at one target."""

    source: int
    target: int
    verbs: str  # W write, C control, M mode, P program, F force, S settings
    count: int
    state: str  # allowed, denied or not stated
    incidents: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PointRow:
    """One point that was commanded."""

    source: str
    target: str
    protocol: str
    function: str
    unit: str
    point: str
    value: str
    count: int
    rate: str
    first: str
    last: str
    frame: int
    state: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Writers:
    """Who writes what."""

    sources: tuple[tuple[int, str], ...]  # asset number, label
    targets: tuple[tuple[int, str], ...]
    cells: dict[tuple[int, int], WriterCell]
    pairs_left_out: int  # of the matrix
    points: tuple[PointRow, ...]
    points_left_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """An incident on the timeline."""

    number: int
    title: str
    severity: Severity
    first: int  # bin
    last: int
    marks: tuple[int, ...]  # bins with steps


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatRow:
    """One function over time."""

    protocol: str
    function: str
    action: str
    total: int
    counts: tuple[int, ...]
    grades: tuple[int, ...]  # 0..5, logarithmic


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """At most 120 bins."""

    first: str
    bin_text: str  # width of a bin
    ticks: tuple[tuple[int, str], ...]  # bin, time
    packets: tuple[int, ...]
    requests: tuple[int, ...]
    packet_heights: tuple[int, ...]  # per cent of the highest
    request_heights: tuple[int, ...]
    lanes: tuple[Lane, ...]
    heat: tuple[HeatRow, ...]
    heat_left_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolRow:
    """One protocol, decoded or not."""

    name: str
    decoded: bool
    packets: int
    requests: int
    responses: int
    events: int
    errors: int
    unanswered: int
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvisoryRow:
    """What an advisory says of a device that was observed: affected, or possibly."""

    asset: int  # number of its row; -1: not among those shown
    device: str
    result: str
    confidence: str
    advisory: str
    title: str
    cves: str
    score: str
    product: str
    reason: str
    remedies: str
    released: str
    url: str  # as text: the report asks nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisories:
    """What is published about the devices. `line` says what was compared, and how old it is."""

    line: str
    rows: tuple[AdvisoryRow, ...]
    left_out: int
    outside: int  # advisories on devices of these in other versions

    def of(self, number: int) -> tuple[AdvisoryRow, ...]:
        """Those of one asset."""
        return tuple(row for row in self.rows if row.asset == number)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRow:
    """What the result supports of one requirement."""

    standard: str
    requirement: str
    facts: tuple[str, ...]
    cannot_show: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantView:
    """Everything that the report lays out."""

    view: View
    title: str
    subtitle: str
    period: str
    files: tuple[FileRow, ...]
    assets: tuple[AssetRow, ...]
    assets_left_out: int
    conversations: tuple[ConversationRow, ...]  # those that matter first
    conversations_left_out: int
    map: MapView
    writers: Writers
    timeline: Timeline
    protocols: tuple[ProtocolRow, ...]
    malformed: tuple[tuple[str, int], ...]
    evidence: tuple[EvidenceRow, ...]
    site_file: bool
    roles: tuple[tuple[str, str, int], ...] = ()  # role, what it is called, assets
    columns: tuple[Column, ...] = ()  # of the table of assets, those in which something stands
    columns_empty: tuple[str, ...] = ()
    advisories: Advisories | None = None  # where they were asked for
    filters: dict[str, tuple[str, ...]] = field(default_factory=dict)  # column -> words to choose from
