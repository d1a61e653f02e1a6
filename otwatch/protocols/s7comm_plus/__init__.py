"""S7comm-plus, the protocol of SIMATIC S7-1200 and S7-1500. Its rows are made by the dissector of s7comm, which shares connections with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otwatch.protocols.s7comm_plus import spec
from otwatch.protocols.spec import ProtocolSpec, Ride

_VERSIONS = {1: "V1", 2: "V2", 3: "V3"}
_OPCODES = {spec.REQUEST: "request", spec.RESPONSE: "response", spec.RESPONSE_2: "response", spec.NOTIFICATION: "notification"}


def _function_name(function: int, subfunction: int) -> str:
    if function == spec.COTP:
        return spec.COTP_NAMES.get(subfunction, "cotp")
    return spec.FUNCTIONS.get(function, f"function_{function:#06x}")


def _status_name(status: int) -> str:
    """The low 16 bits of the return value: a signed error code. Above them the reasons of COTP disconnects."""
    if status == 0:
        return "ok"
    if status >= 0x10000:
        return f"disconnected:{status - 0x10000}"
    return f"error:{status - 0x10000 if status >= 0x8000 else status}"


def _object_name(row: Mapping[str, int]) -> str:
    """`DB1.DBX0.0`, `DB1 symbol 0xa`, `OB1`, `object 52 attribute 2167`."""
    area, number, start = row["area"], row["object"], row["start"]
    if area == spec.OBJECT:
        return f"object {number}" + (f" attribute {start}" if start >= 0 else "")
    name = spec.AREAS.get(area)
    if name is None:
        return f"{number}" if number >= 0 else ""
    base = spec.AREAS[area & 0xFFFF]
    block = f"{base}{number}" if area & 0xF000 else base
    if area & spec.SYMBOL:
        return f"{block} symbol {start:#x}"
    if start < 0:
        return block
    return f"{block}.DBX{start >> 3}.{start & 7}" if area == 0x8A0E else f"{block}{start >> 3}.{start & 7}"


def _value(kind: int, data: bytes, _row: Mapping[str, int]) -> Any:
    """What can be read of a message; `inferred` says that the action was concluded from object ids and not read from a standard."""
    if not data:
        return None
    if kind == spec.VALUE_TSAP:
        return data.decode("ascii") if data.isascii() and data.decode("ascii").isprintable() else data.hex()
    if kind == spec.VALUE_TLS:
        return {"tls": spec.TLS_NAMES.get(data[0], "tls"), "record_version": f"{data[1]}.{data[2]}" if len(data) > 2 else ""}
    found: dict[str, Any] = {"opcode": _OPCODES.get(data[0], f"{data[0]:#04x}")}
    if data[0] == spec.REQUEST and len(data) >= 14:
        found["session"] = f"{int.from_bytes(data[9:13], 'big'):#010x}"
    if kind == spec.VALUE_INFERRED:
        found["inferred"] = True
    found["data"] = data[:256].hex()
    return found


def _recognise(head: bytes, length: int, _cut: bool) -> bool:
    """S7comm-plus, or TLS after InitSSL: type of the record, major version 3."""
    return head[0] == 0x72 or (length > 2 and head[1:2] == b"\x03")


def _reference() -> str:
    from otwatch.protocols.s7comm_plus.reference import reference  # noqa: PLC0415 - only the reference pages ask

    return reference()


PROTOCOL = ProtocolSpec(
    name="s7comm-plus",
    title="S7comm-plus (SIMATIC S7-1200/1500)",
    ports=(),
    framings=(),
    dissector=None,
    ride=Ride(carrier="tpkt", first_bytes=frozenset({0x72, 20, 21, 22, 23}), recognise=_recognise, read_by="s7comm",
              endpoint=lambda tsap: tsap.startswith(b"SIMATIC-ROOT"), value_kind=spec.VALUE_TSAP),
    function_name=_function_name,
    functions={spec.COTP: "cotp", **spec.FUNCTIONS},
    areas=spec.AREAS,
    status_name=_status_name,
    unit_name=lambda _unit: "",
    value=_value,
    object_name=_object_name,
    anomalies=spec.ANOMALIES,
    reference=_reference,
    references=("Wireshark plug-in s7comm_plus by T. Wiens", "S7CommPlusDriver by T. Wiens"),
)
