"""SNMP: what agents say of themselves when they are asked, whether with a default community, and who writes to them."""

from __future__ import annotations

from typing import Final

from otwatch.limits import Limits
from otwatch.protocols.kit.facts_page import facts_page
from otwatch.protocols.spec import Dissector, ProtocolSpec, Weakness

CLEAR: Final = ("1", "2c")  # versions whose community and data are in clear text
_READ: Final = "Datagrams of port 161 or 162 that are one whole message of SNMP v1, v2c or v3, to their last byte."
_FACTS: Final = (
    ("snmp_version", "of an agent, which answers or reports: 1, 2c, 3"),
    ("snmp_community", "of an agent that answers: `default` (public or private) or `not a default`. The community itself is kept nowhere"),
    ("snmp_engine_id", "of an agent: its engine id in v3"),
    ("name, location, description, object_id", "sysName, sysLocation, sysDescr and sysObjectID in answers and notifications"),
    ("vendor, model, order_number, hardware, firmware, serial, os", "sysDescr, where it is plain; maker by sysObjectID; ENTITY-MIB (first entity)"),
    ("snmp_set", "of an agent, with who wrote: the objects of a Set that it accepted; not the values"),
    ("snmp_set_refused", "the same of a Set that it refused, with the error"),
)
_LEFT_OUT: Final = (
    ("Other objects", "readings and counters identify nobody"),
    ("What is encrypted in v3", "who talks, and the engine id, are known"),
    ("A Set whose answer was not captured", "whether it was accepted is unknown"),
    ("SNMP over TCP and TLS", "not read"),
)


def _dissector(_protocol: int, limits: Limits) -> Dissector:
    from otwatch.protocols.snmp.dissect import SnmpDissector  # noqa: PLC0415 - loaded when it is used

    return SnmpDissector(limits)


PROTOCOL = ProtocolSpec(
    name="snmp",
    title="SNMP",
    ports=(),
    framings=(),
    datagrams=(161, 162),
    facts_only=True,
    dissector=_dissector,
    function_name=lambda function, _subfunction: f"function_{function}",
    functions={},
    weaknesses=(
        Weakness(kind="snmp_community", text="answers SNMP with a default community (public or private)", applies=lambda value: value == "default"),
        Weakness(kind="snmp_version", text="answers SNMP v{value}: community and data in clear text", applies=CLEAR.__contains__),
    ),
    references=("RFC 1157, SNMPv1", "RFC 3416, PDUs of v2c and v3", "RFC 3412, RFC 3414, messages of v3",
                "RFC 3418, SNMPv2-MIB", "RFC 6933, ENTITY-MIB"),
    reference=lambda: facts_page(_READ, _FACTS, _LEFT_OUT),
)
