"""What tshark tells of S7comm PDUs, as the columns of our rows: a PDU of its PDML to the rows that it should be.

A row holds only what tshark shows; `bytes` are those of the value. Rows of a PDU that tshark does not itemise are one.
"""

from __future__ import annotations

import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from otwatch.protocols.s7comm.blocks import parse_name

Row = dict[str, Any]


def dissected(path: Path) -> Iterator[tuple[int, ET.Element]]:
    """(frame, proto) of every COTP and S7comm PDU, in order. PDML comes from the tshark of this machine, about files that we made or were given."""
    command = ["tshark", "-r", str(path), "-T", "pdml", "-J", "s7comm cotp frame", "-Y", "cotp"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        for _event, packet in ET.iterparse(process.stdout):
            if packet.tag != "packet":
                continue
            frame = next(number(one) for one in packet.iter("field") if one.get("name") == "frame.number")
            for proto in packet.findall("proto"):
                if proto.get("name") in ("s7comm", "cotp"):
                    yield frame, proto
            packet.clear()


def number(field: ET.Element) -> int:
    """A field's number as shown."""
    return int(field.get("show", "-1"), 0)


def content(field: ET.Element) -> bytes:
    """A field's bytes."""
    return bytes.fromhex(field.get("value", ""))


class Pdu:
    """One s7comm proto: its fields by name, anywhere below."""

    def __init__(self, proto: ET.Element, prefix: str = "s7comm.") -> None:
        self.proto = proto
        self.prefix = prefix

    def all(self, *names: str, within: ET.Element | None = None) -> list[ET.Element]:
        wanted = {self.prefix + name for name in names}
        return [one for one in (self.proto if within is None else within).iter("field") if one.get("name") in wanted]

    def one(self, *names: str, within: ET.Element | None = None) -> int:
        """The number of the first of these fields; -1 where there is none."""
        found = self.all(*names, within=within)
        return number(found[0]) if found else -1

    def has(self, name: str) -> bool:
        return bool(self.all(name))


def connect(proto: ET.Element) -> list[Row]:
    """A TPDU without data."""
    pdu = Pdu(proto, "cotp.")
    kind = pdu.one("type") << 4
    if kind not in (0xE0, 0xD0, 0x80, 0xC0):
        return []
    row: Row = {"function": -1, "subfunction": kind}
    row["transaction"] = pdu.one("srcref") if kind == 0xE0 else pdu.one("destref") if kind in (0xD0, 0xC0) else None
    for name, column in (("dst-tsap-bytes", "object"), ("src-tsap-bytes", "start")):
        found = pdu.all(name) or pdu.all(name.removesuffix("-bytes"))
        row[column] = int.from_bytes(content(found[0]), "big") if found else -1
    if kind in (0xE0, 0xD0):
        row["count"] = pdu.one("tpdu_size")
    return [{name: value for name, value in row.items() if value is not None}]


def _place(pdu: Pdu, item: ET.Element) -> list[Row]:
    """A variable specification: its addresses, by syntax."""
    def at(name: str) -> int:
        return pdu.one(name, within=item)

    syntax = at("param.item.syntaxid")
    if syntax == 0x10:
        return [{"area": at("param.item.area"), "object": at("param.item.db"), "start": at("param.item.address"), "count": at("param.item.length"),
                 "value_kind": at("param.item.transp_size")}]
    if syntax == 0xB0:
        return [{"area": 0x84, "object": pdu.one("param.item.dbread.db", within=one),
                 "start": 8 * pdu.one("param.item.dbread.startaddress", within=one), "count": pdu.one("param.item.dbread.length", within=one)}
                for one in pdu.all("param.subitem", within=item)]
    if 0x82 <= syntax <= 0x84:
        return [{"area": 0x200 + at("param.item.nck.area"), "object": at("param.item.nck.unit") << 8 | at("param.item.nck.module"),
                 "start": at("param.item.nck.line") << 16 | at("param.item.nck.column"), "count": at("param.item.nck.linecount")}]
    if syntax == 0xA2:
        return [{"area": 0x210, "object": at("param.item.driveesany.parameternr"), "start": at("param.item.driveesany.parameteridx")}]
    if syntax == 0xB2:
        steps = pdu.all("tiap.item.value", within=item)
        area = 0x24E if at("tiap.item.area1") == 0x8A0E else 0x200 + at("tiap.item.area2")
        return [{"area": area, "object": at("tiap.item.dbnumber") if area == 0x24E else -1, "start": number(steps[0]), "count": len(steps)}]
    if at("varstat.req.memory_area") >= 0:
        return [_table_place(pdu, item)]
    return [{}]


def _table_place(pdu: Pdu, item: ET.Element) -> Row:
    """A variable of a table: high nibble the area, low nibble the width."""
    code = pdu.one("varstat.req.memory_area", within=item)
    area = {0: 0x83, 1: 0x81, 2: 0x82, 3: 0x80, 5: 0x1D, 6: 0x1C, 7: 0x84}[code >> 4]
    start = pdu.one("varstat.req.startaddress", within=item)
    bit = pdu.one("varstat.req.bitpos", within=item)
    row = {"area": area, "object": pdu.one("varstat.req.db_number", within=item)}
    if area in (0x1C, 0x1D):
        return row | {"start": start, "count": pdu.one("varstat.req.repetition_factor", within=item)}
    if bit >= 0:
        return row | {"start": 8 * start + bit, "count": 1}
    return row | {"start": 8 * start, "count": pdu.one("varstat.req.repetition_factor", within=item)}


def _data(pdu: Pdu, role: int, within: ET.Element | None = None) -> list[Row]:
    """Data items: return code (which in a request means nothing) and bytes."""
    rows = []
    for item in pdu.all("data.item", within=within):
        code = pdu.one("data.returncode", within=item)
        shown = pdu.all("resp.data", within=item)
        rows.append({"bytes": content(shown[0]) if shown else b"", **({"status": 0 if code in (0, 0xFF) else code} if role else {})})
    return rows


def _items(pdu: Pdu, values: list[Row]) -> list[Row]:
    """Addresses, one row each, with the data of their item in its first row."""
    rows = []
    for index, item in enumerate(pdu.all("param.item")):
        places = _place(pdu, item)
        for which, place in enumerate(places):
            extra = values[index] if not which and index < len(values) else {}
            rows.append({**place, **extra, "item": len(rows) if not values else index})
    return rows


def _block(name: bytes) -> Row:
    area, block = parse_name(name[1:]) if len(name) == 9 and name[:1] in (b"_", b"$") else (-1, -1)
    return {"area": area, "object": block, "bytes": name}


def job(pdu: Pdu) -> list[Row]:
    """Requests and answers of job functions."""
    kind = pdu.one("header.rosctr")
    function = pdu.one("param.func")
    role = 0 if kind == 1 else 1
    head: Row = {"role": role, "transaction": pdu.one("header.pduref")}
    if role:
        head["status"] = pdu.one("header.errcls") << 8 | pdu.one("header.errcod")
    if function >= 0:
        head["function"] = function
    if function in (4, 5):
        found = _data(pdu, role)
        rows = (_items(pdu, found) if function == 5 else _items(pdu, [])) if role == 0 else found
        if role and function == 5:
            rows = [{"status": row["status"]} for row in found]
        return [{**head, **row} for row in rows] or [head]
    if role == 0 and function == 0x28:
        return [{**head, **row} for row in _service(pdu)]
    return [{**head, **_other_job(pdu, function, role)}]


def _service(pdu: Pdu) -> list[Row]:
    """A service: its name, and its arguments or the blocks that it is about."""
    service = pdu.all("param.pistart.servicename")
    arguments = [one for one in pdu.proto.iter("field") if (one.get("name") or "").startswith("s7comm.param.pi.n_x.")]
    told = [f"{len(content(one))} characters, not shown" if (one.get("name") or "").endswith(".password") else content(one).decode("latin-1")
            for one in arguments if not (one.get("name") or "").endswith(".string_len")]
    row: Row = {"service": content(service[0]).decode() if service else "", "arguments": told}
    blocks = [parse_name(content(one)) for one in pdu.all("param.blockcontrol.filename")]
    return [{**row, "area": area, "object": block, "item": index} for index, (area, block) in enumerate(blocks)] or [row]


def _other_job(pdu: Pdu, function: int, role: int) -> Row:
    """The columns of setup, transfers, services and stop."""
    if function == 0xF0:
        return {"start": pdu.one("param.maxamq_calling"), "object": pdu.one("param.maxamq_called"), "count": pdu.one("param.pdu_length")}
    names = pdu.all("param.blockcontrol.filename")
    if role == 0 and names and 0x1A <= function <= 0x1F:
        row = _block(content(names[0]))
        lengths = pdu.all("data.blockcontrol.loadmem_len", "data.blockcontrol.mc7code_len")
        if len(lengths) == 2:
            row |= {"count": int(content(lengths[0])), "start": int(content(lengths[1]))}
        return row
    if role == 0 and pdu.has("data.blockcontrol.errorcode") and function in (0x1C, 0x1F):
        return {"status": pdu.one("data.blockcontrol.errorcode")}
    if role and function == 0x1D and pdu.has("data.blockcontrol.uploadid"):
        digits = pdu.all("param.blockcontrol.upl_lenstring")
        return {"start": pdu.one("data.blockcontrol.uploadid"), "count": int(content(digits[0])) if digits else -1}
    if role and function in (0x1B, 0x1E) and pdu.has("resp.data"):
        return {"count": pdu.one("data.length"), "bytes": content(pdu.all("resp.data")[0])}
    if role == 0 and function == 0x29:
        service = pdu.all("param.pistart.servicename")
        return {"service": content(service[0]).decode() if service else ""}
    return {}
