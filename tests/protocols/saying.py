"""Messages of protocols that make facts only, fed to their dissectors: `said` gives (address, kind, value, source) of each fact."""

from __future__ import annotations

from ipaddress import ip_address

from otwatch.limits import Limits
from otwatch.protocols import protocol_id, protocols
from otwatch.protocols.spec import Dissector, Fact
from otwatch.tables import Anomalies, Octets, Operations, Pdus
from otwatch.vocabulary import PduFlag

HOST, SERVER, GROUP = 1, 2, 99
Said = tuple[int | str, str, str, str]


def dissector(name: str, limits: Limits | None = None) -> Dissector:
    number = protocol_id(name)
    made = protocols()[number - 1].dissector
    assert made is not None
    return made(number, limits or Limits())


def feed(reader: Dissector, *messages: bytes, source: int = HOST, target: int = SERVER, every: float = 1.0, flow: int = 1,
         back: bool = False) -> list[Fact]:
    """The facts of messages of one host, in one batch; nothing else may come of them."""
    pdus, facts = Pdus(Octets()), list[Fact]()
    for number, octets in enumerate(messages):
        row = pdus.new_row()
        start = pdus.octets.append(octets, 0, len(octets))
        values = {"timestamp_ns": round(number * every * 1e9), "frame": number + 1, "flow": flow, "source": source, "destination": target,
                  "direction": int(back), "start": start, "end": start + len(octets), "packet": row, "flags": int(PduFlag.DATAGRAM)}
        for column in pdus.schema.columns:
            getattr(pdus, column.name)[row] = values.get(column.name, column.default)
    operations, anomalies = Operations(), Anomalies()
    reader.feed(pdus, operations, anomalies, facts)
    assert operations.rows == anomalies.rows == 0
    return facts


def shown(fact: Fact) -> Said:
    """The address as text where the message names it."""
    about = ":".join(f"{byte:02x}" for byte in fact.about) if len(fact.about) == 6 else str(ip_address(fact.about)) if fact.about else fact.address
    return about, fact.kind, fact.value if fact.names < 0 else f"host {fact.names}", fact.source


def said(name: str, *messages: bytes, source: int = HOST, target: int = SERVER) -> list[Said]:
    """The facts of messages that one host sends to another."""
    return [shown(fact) for fact in feed(dissector(name), *messages, source=source, target=target)]
