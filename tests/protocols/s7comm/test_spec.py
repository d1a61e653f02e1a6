"""The closed lists: nothing double, and every number that tshark knows has a name here, or is left out for a reason."""

from __future__ import annotations

import shutil
import subprocess
from collections import defaultdict

import pytest

from otwatch.protocols.s7comm.blocks import LANGUAGES
from otwatch.protocols.s7comm.coverage import COVERED, place_of
from otwatch.protocols.s7comm.coverage import LEFT_OUT as FIELDS_LEFT_OUT
from otwatch.protocols.s7comm.errors import ERRORS
from otwatch.protocols.s7comm.services import BY_WIRE, SERVICES
from otwatch.protocols.s7comm.spec import (
    ANOMALIES,
    AREAS,
    BLOCK_TYPES,
    COTP_NAMES,
    DATA_SIZES,
    DISCONNECT_REASONS,
    FUNCTIONS,
    GROUPS,
    RETURN_CODES,
    SUBFUNCTIONS,
    SYNTAXES,
    TRANSPORT_SIZES,
    Anomaly,
    Rosctr,
)
from otwatch.protocols.s7comm.szl import LEDS, LISTS


def test_anomalies_are_numbered_as_they_are_named() -> None:
    assert [kind.code for kind in ANOMALIES] == list(range(1, len(ANOMALIES) + 1)) == [int(kind) for kind in Anomaly]
    assert [kind.name.replace("-", "_").upper() for kind in ANOMALIES] == [kind.name for kind in Anomaly]
    assert len({kind.name for kind in ANOMALIES}) == len(ANOMALIES)
    assert all(kind.doc and kind.clause for kind in ANOMALIES)


def test_services_are_found_by_their_names() -> None:
    assert {SERVICES[number].wire.encode() for number in BY_WIRE.values()} == set(BY_WIRE)
    assert len({service.name for service in SERVICES}) == len(SERVICES)
    assert len({*(function.name for function in FUNCTIONS.values()), *(function.name for function in SUBFUNCTIONS.values())}) == len(FUNCTIONS) + len(
        SUBFUNCTIONS)


# Numbers of tshark that have no name here, and why.
LEFT_OUT = {
    "s7comm.param.userdata.funcgroup": {15},  # NC programming is 0x3F: six bits of group, of which tshark 4.0 takes four
    "s7comm.param.errcod": set(range(0xE202, 0xE207)) | {0xEF01, 0xEF02},  # fault-tolerant pairs linking up; they show as their number
}


@pytest.mark.tshark
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_every_number_of_tshark_has_a_name() -> None:
    theirs: dict[str, set[int]] = defaultdict(set)
    for line in subprocess.run(["tshark", "-G", "values"], capture_output=True, text=True, check=True).stdout.splitlines():
        if line.startswith(("V\ts7comm.", "V\tcotp.")):
            _kind, name, number, *_words = line.split("\t")
            theirs[name].add(int(number, 0))
    subfunctions = {subfunction for _group, subfunction in SUBFUNCTIONS}
    ours: dict[str, set[int]] = {
        "s7comm.header.rosctr": {int(kind) for kind in Rosctr}, "s7comm.param.func": set(FUNCTIONS), "s7comm.param.item.area": set(AREAS),
        "s7comm.param.item.transp_size": set(TRANSPORT_SIZES), "s7comm.param.item.syntaxid": set(SYNTAXES),
        "s7comm.data.transportsize": set(DATA_SIZES), "s7comm.data.returncode": set(RETURN_CODES), "s7comm.param.errcod": {0, *ERRORS},
        "s7comm.param.userdata.funcgroup": set(GROUPS), "s7comm.param.userdata.subfunc": subfunctions,
        "s7comm.param.modetrans.subfunc": {subfunction for group, subfunction in SUBFUNCTIONS if group == 0},
        "s7comm.blockinfo.block_lang": set(LANGUAGES), "s7comm.blockinfo.subblk_type": {0, *BLOCK_TYPES},
        "s7comm.data.userdata.szl_id.partlist_num": set(LISTS), "s7comm.szl.xy74.0000.cpu_led_id.id": set(LEDS),
        "cotp.type": {int(kind) >> 4 for kind in COTP_NAMES}, "cotp.cause": set(DISCONNECT_REASONS),
    }
    for name, known in ours.items():
        assert theirs[name], name
        missing = theirs[name] - known - LEFT_OUT.get(name, set())
        assert not missing, (name, sorted(map(hex, missing)))


@pytest.mark.tshark
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_every_field_of_tshark_is_covered_or_left_out_with_a_reason() -> None:
    lines = [line.split("\t") for line in subprocess.run(["tshark", "-G", "fields"], capture_output=True, text=True, check=True).stdout.splitlines()]
    fields = {parts[2].removeprefix("s7comm.") for parts in lines if parts[0] == "F" and parts[2].startswith("s7comm.")}
    assert len(fields) > 900
    assert sorted(field for field in fields if not place_of(field)) == []
    assert not set(COVERED) & set(FIELDS_LEFT_OUT)
