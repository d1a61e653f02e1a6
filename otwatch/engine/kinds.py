"""The names of all anomaly kinds, from the closed lists of the layers and protocols."""

from __future__ import annotations

from collections.abc import Sequence

from otwatch.capture.anomalies import ANOMALIES as CAPTURE_ANOMALIES
from otwatch.decode.anomalies import ANOMALIES as DECODE_ANOMALIES
from otwatch.protocols.spec import ProtocolSpec
from otwatch.streams.anomalies import ANOMALIES as STREAM_ANOMALIES
from otwatch.vocabulary import FIRST_PROTOCOL_LAYER, AnomalyKind, Layer


def anomaly_kinds(protocols: Sequence[ProtocolSpec]) -> dict[int, dict[int, AnomalyKind]]:
    """layer -> code -> kind."""
    kinds: dict[int, dict[int, AnomalyKind]] = {}
    for lists in (CAPTURE_ANOMALIES, DECODE_ANOMALIES, {Layer.STREAM: STREAM_ANOMALIES}):
        for layer, known in lists.items():
            kinds.setdefault(int(layer), {}).update({kind.code: kind for kind in known})
    for index, spec in enumerate(protocols, 1):
        kinds[FIRST_PROTOCOL_LAYER + index] = {kind.code: kind for kind in spec.anomalies}
    return kinds


def layer_name(layer: int, protocols: Sequence[ProtocolSpec]) -> str:
    """`network`, `modbus`."""
    return protocols[layer - FIRST_PROTOCOL_LAYER - 1].name if layer > FIRST_PROTOCOL_LAYER else Layer(layer).name.lower()


def anomaly_name(layer: int, code: int, protocols: Sequence[ProtocolSpec], kinds: dict[int, dict[int, AnomalyKind]]) -> str:
    """`modbus.length-mismatch`, `network.fragment-overlap`."""
    kind = kinds.get(layer, {}).get(code)
    return f"{layer_name(layer, protocols)}.{kind.name if kind else code}"
