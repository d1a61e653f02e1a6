"""What tshark tells of S7comm userdata, as the columns of our rows: see pdml.py."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import datetime

from otwatch.protocols.s7comm.blocks import plain
from tests.protocols.s7comm.pdml import Pdu, Row, _data, _items, content, number

_ROLES = {0: 2, 4: 0, 8: 1}


def userdata(pdu: Pdu) -> list[Row]:
    """One userdata PDU."""
    group = pdu.one("param.userdata.funcgroup")
    role = _ROLES[pdu.one("param.userdata.type") & 0x0C]
    subfunction = pdu.one("param.userdata.subfunc", "param.modetrans.subfunc")
    head: Row = {"role": role, "group": group, "subfunction": subfunction, "transaction": pdu.one("header.pduref")}
    data = next(iter(pdu.all("data")), None)
    code, length = (pdu.one(name, within=data) if data is not None else -1 for name in ("data.returncode", "data.length"))
    if role:
        refused = role and code not in (-1, 0, 0xFF) and (code != 0x0A or length)
        head["status"] = max(0, pdu.one("param.errcod")) or (code if refused else 0)
    more = pdu.one("param.userdata.lastdataunit") == 1
    if data is None or more or length <= 0:
        return [head]
    rows = _GROUPS[group](pdu, data, role, subfunction) if group in _GROUPS else [{}]
    return [{**head, **row} for row in rows]


def _programmer(pdu: Pdu, data: ET.Element, role: int, subfunction: int) -> list[Row]:
    """Variable tables by variable, blocks and jobs."""
    if pdu.has("varstat.item_count"):
        return _items(pdu, _data(pdu, role)) if role == 0 else _data(pdu, role)
    if role == 0 and pdu.has("diagdata.req.blocktype"):
        return [{"area": pdu.one("diagdata.req.blocktype"), "object": pdu.one("diagdata.req.blocknumber"),
                 "start": pdu.one("diagdata.req.startaddr_awl")}]
    if role == 0 and pdu.has("tis.job.function") and subfunction in (0x0D, 0x0E, 0x0F, 0x11):
        return [{"object": pdu.one("tis.job.function"), "start": pdu.one("tis.job.response_seq_num")}]
    return [{}]


def _cyclic(pdu: Pdu, data: ET.Element, role: int, subfunction: int) -> list[Row]:
    """Cyclic jobs by item; the number of the job that ends; data records."""
    if subfunction == 4:
        return [{"object": pdu.one("cyclic.job_id")}] if role == 0 and pdu.has("cyclic.job_id") else [{}]
    if subfunction == 8:
        return _record(pdu, data, role)
    if subfunction not in (1, 5, 7):
        return [{}]
    return _items(pdu, []) if role == 0 else _data(pdu, role)


def _record(pdu: Pdu, data: ET.Element, role: int) -> list[Row]:
    if role == 0:
        return [{"object": pdu.one("readrec.index"), "start": pdu.one("readrec.id"), "count": pdu.one("readrec.mlen")}]
    codes = [number(one) for one in pdu.all("data.returncode", within=data)]
    shown = pdu.all("readrec.data")
    return [{"status": 0 if codes[-1] == 0xFF else codes[-1], **({"bytes": content(shown[0]), "count": len(content(shown[0]))} if shown else {})}]


def _blocks(pdu: Pdu, data: ET.Element, role: int, subfunction: int) -> list[Row]:
    """Lists of blocks; what a block's header says."""
    if subfunction not in (1, 2, 3):
        return [{}]
    kinds = [int(content(one), 16) & 15 for one in pdu.all("blockinfo.blocktype")] if role == 0 or subfunction == 1 else []
    if subfunction == 1:
        counts = [number(one) for one in pdu.all("blockinfo.block_count")]
        return [{"blocks": dict(zip(kinds, counts, strict=True)), "count": len(counts)}]
    if role == 0:
        numbers = pdu.all("data.blockinfo.block_number")
        return [{"area": kinds[0], "object": int(content(numbers[0])) if numbers else -1}]
    if subfunction == 2:
        return [{"numbers": [number(one) for one in pdu.all("blockinfo.block_num")]}]
    words = {name: plain(content(pdu.all("blockinfo." + field)[0]))
             for name, field in (("author", "author"), ("family", "family"), ("name", "headername"))}
    numbers = {name: pdu.one("blockinfo." + field) for name, field in (
        ("load_bytes", "load_mem_len"), ("protection", "blocksecurity"), ("interface_bytes", "ssb_len"), ("segment_bytes", "add_len"),
        ("local_bytes", "localdata_len"), ("code_bytes", "mc7_len"))}
    times = {name: moment(pdu.all("blockinfo." + field)[0].get("show", "")) for name, field in (
        ("code_time", "code_timestamp"), ("interface_time", "interface_timestamp"))}
    return [{"area": pdu.one("blockinfo.subblk_type"), "object": pdu.one("blockinfo.block_num"),
             "info": {**words, **numbers, **times, "linked": bool(pdu.one("param.userdata.blockinfo.flags") & 1),
                      "version": pdu.all("blockinfo.headerversion")[0].get("show"), "checksum": f"{pdu.one('blockinfo.checksum'):#06x}"}}]


def _cpu(pdu: Pdu, data: ET.Element, role: int, subfunction: int) -> list[Row]:
    """Status lists, message service, diagnostic messages, alarms by object."""
    if subfunction == 1:
        row: Row = {"object": pdu.one("data.userdata.szl_id"), "start": pdu.one("data.userdata.szl_index")}
        return [row | ({"count": pdu.one("data.userdata.szl_id.partlist_cnt"), "places": _places(pdu)} if role == 1 else {})]
    if subfunction == 2:
        return [{"object": pdu.one("cpu.msg.events")}] if role == 0 else [{}]
    if subfunction == 3:
        return [{"object": pdu.one("cpu.diag_msg.eventid"), "ob": pdu.one("cpu.diag_msg.obnumber"), "time": _stamp(pdu)}]
    if subfunction == 0x10:
        return [{"object": int.from_bytes(content(pdu.all("data.userdata")[0])[4:8], "big")}] if pdu.has("data.userdata") else [{}]
    rows: list[Row] = []
    for index, one in enumerate(pdu.all("alarm.message_object")):
        event = pdu.one("alarm.event_id", *(["alarm.query.alarmtype"] if role == 0 else []), within=one)
        if role == 1 and subfunction != 0x13:
            code = pdu.one("data.returncode", within=one)
            rows.append({"status": 0 if code in (0, 0xFF) else code, "item": index})
        else:
            rows.append({"object": event, "item": index, **({"time": _stamp(pdu)} if pdu.has("alarm.timestamp_coming") and subfunction != 9 else {})})
    return rows or [{}]


def _places(pdu: Pdu) -> list[set[tuple[int, int]]]:
    """Of each record of a status list that tshark takes apart: (offset, bytes) of its fields."""
    records = []
    for tree in pdu.all("data.userdata.szl_data_tree"):
        fields = [one for one in tree.iter("field") if (one.get("name") or "").startswith("s7comm.") and one is not tree]
        if fields and fields[0].get("name") != "s7comm.param.userdata.szl_part_list":
            start = int(fields[0].get("pos", "0"))
            records.append({(int(one.get("pos", "0")) - start, int(one.get("size", "0"))) for one in fields})
        else:
            records.append(set())
    return records


def _security(pdu: Pdu, data: ET.Element, role: int, subfunction: int) -> list[Row]:
    return [{"bytes": content(pdu.all("data.userdata")[0])}]


def _sent(pdu: Pdu, data: ET.Element, role: int, subfunction: int) -> list[Row]:
    shown = pdu.all("data.userdata")
    return [{"object": pdu.one("pbc.req.bsend.r_id"), **({"bytes": content(shown[0])} if shown and role == 0 else {})}]


def _time(pdu: Pdu, data: ET.Element, role: int, subfunction: int) -> list[Row]:
    return [{"time": _stamp(pdu)}] if pdu.has("data.ts") else [{}]


def _stamp(pdu: Pdu) -> str:
    return moment(pdu.all("data.ts")[0].get("show", ""))


def moment(text: str) -> str:
    """`Aug  5, 2043 20:09:55.265000000 UTC` as we write it."""
    stem, _, fraction = " ".join(text.removesuffix(" UTC").split()).partition(".")
    return datetime.strptime(stem, "%b %d, %Y %H:%M:%S").isoformat() + f".{fraction[:3]}"  # noqa: DTZ007 - a PLC's clock has no zone


_GROUPS = {1: _programmer, 2: _cyclic, 3: _blocks, 4: _cpu, 5: _security, 6: _sent, 7: _time}
