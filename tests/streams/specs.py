"""Three small protocols for the tests of streams: how they are cut, and nothing of what they mean."""

from __future__ import annotations

from otwatch.protocols.spec import Framing, Port, ProtocolSpec, Verdict


def _modbus(first: bytes, direction: int) -> Verdict:
    if len(first) < 8:
        return Verdict.UNSURE
    return Verdict.YES if 0 < first[7] & 0x7F <= 43 else Verdict.NO


def _tpkt(first: bytes, direction: int) -> Verdict:
    if len(first) < 7:
        return Verdict.UNSURE
    return Verdict.YES if first[5] in {0xE0, 0xD0, 0xF0} and len(first) == int.from_bytes(first[2:4]) else Verdict.UNSURE


def _dnp3(first: bytes, direction: int) -> Verdict:
    if len(first) < 4:
        return Verdict.UNSURE
    return Verdict.YES if first[3] >> 7 == 1 - direction else Verdict.NO


def _spec(name: str, ports: tuple[Port, ...], *framings: Framing) -> ProtocolSpec:
    def dissector(protocol: int, limits: object) -> object:
        raise NotImplementedError

    return ProtocolSpec(name=name, title=name, ports=ports, framings=framings, dissector=dissector,  # type: ignore[arg-type]
                        function_name=lambda function, subfunction: "", functions={})


MODBUS = _spec("modbus", (Port(transport=6, number=502), Port(transport=17, number=502)), Framing(
    name="tcp", header_bytes=8, magic=((2, 0xFF, 0), (3, 0xFF, 0)), length_at=4, length_bytes=2, length_add=6,
    min_bytes=8, max_bytes=260, probe=_modbus))
TPKT = _spec("s7comm", (Port(transport=6, number=102),), Framing(
    name="tpkt", header_bytes=4, magic=((0, 0xFF, 3), (1, 0xFF, 0)), length_at=2, length_bytes=2, min_bytes=7, max_bytes=8192, probe=_tpkt))
DNP3 = _spec("dnp3", (Port(transport=6, number=20000), Port(transport=17, number=20000)), Framing(
    name="link", header_bytes=10, magic=((0, 0xFF, 0x05), (1, 0xFF, 0x64)), length_at=2, length_bytes=1, length_add=5, block_after=10,
    block_bytes=16, block_crc_bytes=2, header_crc16_dnp=True, min_bytes=10, max_bytes=292, probe=_dnp3))
SPECS = (MODBUS, TPKT, DNP3)


def modbus_request(transaction: int, address: int = 0, count: int = 1, function: int = 3) -> bytes:
    return transaction.to_bytes(2) + b"\0\0\0\6\1" + bytes([function]) + address.to_bytes(2) + count.to_bytes(2)


def modbus_response(transaction: int, data: bytes = b"\0\1", function: int = 3) -> bytes:
    return transaction.to_bytes(2) + b"\0\0" + (3 + len(data)).to_bytes(2) + bytes([1, function, len(data)]) + data
