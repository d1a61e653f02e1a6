"""MQTT: clients, their user names, and the topics that they use. No OT protocol."""

from __future__ import annotations

from otwatch.limits import Limits
from otwatch.protocols.kit.telling import CLEAR_TEXT
from otwatch.protocols.mqtt.framing import CONNECT, begins, cut
from otwatch.protocols.spec import Dissector, Head, ProtocolSpec, Weakness


def _dissector(protocol: int, limits: Limits) -> Dissector:
    from otwatch.protocols.mqtt.dissect import MqttDissector  # noqa: PLC0415 - loaded when it is used

    return MqttDissector(protocol, limits)


def _reference() -> str:
    from otwatch.protocols.mqtt.reference import reference  # noqa: PLC0415 - only the reference pages ask

    return reference()


PROTOCOL = ProtocolSpec(
    name="mqtt",
    title="MQTT",
    facts_only=True,
    head=Head(ports=(1883,), begins=begins, cut=cut, first_bytes=frozenset({CONNECT}), most=256),
    dissector=_dissector,
    weaknesses=(CLEAR_TEXT, Weakness(kind="anonymous_login", text="accepts MQTT clients without a user name")),
    references=("MQTT 3.1.1, 5.0 (OASIS)",),
    reference=_reference,
)
