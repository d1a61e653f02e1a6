"""Each body read back by a reader written from its specification; nothing from the wire can end its field, line or event."""

from __future__ import annotations

import json

import pytest
from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from otwatch.alerts.alert import Severity
from otwatch.outputs.siem.bodies import BODIES, Body, cef, ecs, leef, ocsf, otlp, own
from otwatch.outputs.siem.community_id import community_id
from otwatch.outputs.siem.event import Event
from otwatch.outputs.siem.fields import milliseconds, plain
from otwatch.outputs.siem.rfc5424 import MAX_BYTES, message, octet_counted
from tests.outputs.siem.reading_back import read_cef, read_leef
from tests.outputs.siem.receivers import SENSOR, event, structured_data

HOSTILE = {
    "newlines": "PLC\n<34>1 2026-01-01T00:00:00Z forged app - - - all is well\r\nx",
    "pipes": "a|b|CEF:0|otwatch|otwatch|1|x|y|10|src=1.2.3.4",
    "equals": "x src=6.6.6.6 dst=7.7.7.7 rule=none",
    "quotes": 'x" src="6.6.6.6"] [otwatch@32473 rule="none"',
    "brackets": "x] [fake@1 a=\\\"b\\\"",
    "backslash": "ends with \\",
    "backslashes": "\\\\\\ | \\= \\] \\\"",
    "ansi": "\x1b[2J\x1b]0;owned\x07\x9b31m",
    "tabs": "x\tsev=1\tsrc=6.6.6.6",
    "nul": "a\0b\x7f",
    "unicode lines": "a\u2028b\u2029c\u0085d\u202egnp.exe\ufeff",
    "json": '","severity":"info","x":"',
    "surrogate": "\udc80\ud800",
    "astral": "\U0001f4a9" * 3000,
    "long": "A" * 10_000,
    "long and hostile": "=|]\"\\\n" * 2_000,
}
COMMUNITY = community_id("tcp", "10.0.3.66", 51200, "10.0.1.10", 502)
WIRE_FIELDS = ("src_name", "dst_name", "object", "value", "function_name", "title", "src_zone")


def test_cef_holds_every_field_of_the_table() -> None:
    header, fields = read_cef(cef(event(41), SENSOR))
    assert header == ["CEF:0", "otwatch", "otwatch", "0.1.0", "ot.unauthorized-write", "Write by a stranger", "8"]
    assert fields == {
        "externalId": "41", "rt": "1795314960123", "start": "1795314960123", "end": "1795315020000", "cat": "alert", "act": "alerted",
        "dvchost": "sensor-7", "deviceInboundInterface": "span0", "src": "10.0.3.66", "spt": "51200", "smac": "02:00:00:00:03:66", "shost": "laptop",
        "sourceZoneURI": "office", "dst": "10.0.1.10", "dpt": "502", "dmac": "02:00:00:00:01:10", "dhost": "PLC press line",
        "destinationZoneURI": "cell 1", "app": "modbus", "outcome": "success", "cnt": "3", "deviceFacility": "WRITE", "cs1": "write_single_register",
        "cs1Label": "function", "cs2": "holding register 40100", "cs2Label": "object", "cs3": "1450", "cs3Label": "value", "cs4": "office>cell 1",
        "cs4Label": "zones", "proto": "TCP",
        "cs5": "T0855 Unauthorized Message: Command Message, T0836 Modify Parameter", "cs5Label": "attackTechnique",
        "cs6": "0123456789abcdef", "cs6Label": "alertId", "cn1": "1",
        "cn1Label": "unitId", "cn2": "12", "cn2Label": "firstFrame", "otwatchOutcome": "confirmed",
        "reason": "Who writes here was never seen writing.", "otwatchCommunityId": COMMUNITY,
        "msg": "HIGH Write by a stranger: 10.0.3.66 (laptop, office) -> 10.0.1.10 (PLC press line, cell 1): "
               "modbus write_single_register holding register 40100 x3 (confirmed) "
               "[ot.unauthorized-write]"}


def test_leef_holds_every_field_of_the_table() -> None:
    header, fields = read_leef(leef(event(41), SENSOR))
    assert header == ["LEEF:2.0", "otwatch", "otwatch", "0.1.0", "ot.unauthorized-write", "x09"]
    assert fields.pop("msg").startswith("HIGH Write by a stranger")
    assert fields == {
        "devTime": "Nov 22 2026 02:36:00.123 UTC", "devTimeFormat": "MMM dd yyyy HH:mm:ss.SSS z", "sev": "8", "cat": "alert", "identifier": "41",
        "policy": "Write by a stranger", "sensor": "sensor-7", "src": "10.0.3.66", "srcPort": "51200", "srcMAC": "02:00:00:00:03:66",
        "dst": "10.0.1.10", "dstPort": "502", "dstMAC": "02:00:00:00:01:10", "app": "modbus", "action": "WRITE",
        "function": "write_single_register", "unitId": "1", "object": "holding register 40100", "value": "1450", "srcZone": "office",
        "dstZone": "cell 1", "srcName": "laptop", "dstName": "PLC press line", "attackTechnique": "T0855,T0836", "outcome": "confirmed", "cnt": "3",
        "alertId": "0123456789abcdef", "proto": "TCP", "attackTechniqueName": "Unauthorized Message: Command Message, Modify Parameter",
        "firstFrame": "12", "firstSeen": "2026-11-22T02:36:00.123456789Z", "lastSeen": "2026-11-22T02:37:00.000000000Z",
        "communityId": COMMUNITY, "why": "Who writes here was never seen writing."}


def test_ecs_holds_every_field_of_the_table() -> None:
    document = json.loads(ecs(event(41), SENSOR))
    assert document.pop("message").startswith("HIGH Write by a stranger")
    assert document == {
        "@timestamp": "2026-11-22T02:36:00.123456789Z", "ecs": {"version": "8.11.0"},
        "event": {"kind": "alert", "category": ["intrusion_detection", "network"], "type": ["change"], "id": "0123456789abcdef",
                  "code": "ot.unauthorized-write", "sequence": 41, "action": "modbus-write", "start": "2026-11-22T02:36:00.123456789Z",
                  "end": "2026-11-22T02:37:00.000000000Z", "severity": 3, "risk_score": 75, "outcome": "success", "module": "otwatch",
                  "dataset": "otwatch.alert"},
        "rule": {"id": "ot.unauthorized-write", "name": "Write by a stranger", "ruleset": "otwatch"},
        "observer": {"name": "sensor-7", "vendor": "otwatch", "product": "otwatch", "type": "ids", "version": "0.1.0",
                     "ingress": {"interface": {"name": "span0"}}},
        "source": {"address": "10.0.3.66", "ip": "10.0.3.66", "port": 51200, "mac": "02-00-00-00-03-66", "domain": "laptop"},
        "destination": {"address": "10.0.1.10", "ip": "10.0.1.10", "port": 502, "mac": "02-00-00-00-01-10", "domain": "PLC press line"},
        "network": {"protocol": "modbus", "transport": "tcp", "community_id": COMMUNITY},
        "threat": {"framework": "MITRE ATT&CK", "technique": {"id": ["T0855", "T0836"],
                                                              "name": ["Unauthorized Message: Command Message", "Modify Parameter"]}},
        "otwatch": {"ot": {"function": {"code": 6, "name": "write_single_register"}, "unit": 1, "object": "holding register 40100", "value": "1450",
                           "action": "WRITE"}, "count": 3, "outcome": "confirmed", "first_seen": "2026-11-22T02:36:00.123456789Z",
                    "last_seen": "2026-11-22T02:37:00.000000000Z", "confidence": 0.9,
                    "why": "Who writes here was never seen writing.", "source": {"zone": "office"}, "destination": {"zone": "cell 1"},
                    "file": "span0", "frames": [12, 15]}}


@pytest.mark.parametrize(("src", "name", "shown"), [("sensor-7", None, "sensor-7"), ("02:00:00:00:03:66", "laptop", "laptop"), ("", None, "")])
def test_what_is_no_ip_address_is_not_given_as_one(src: str, name: str | None, shown: str) -> None:
    """Elasticsearch refuses the whole document, and CEF's `src` is an address."""
    one = event(src=src, src_name=name)
    fields = read_cef(cef(one, SENSOR))[1]
    assert (fields.get("src", ""), fields.get("shost", "")) == ("", shown)
    attributes = read_leef(leef(one, SENSOR))[1]
    assert (attributes.get("src", ""), attributes.get("srcName", "")) == ("", shown)
    source = json.loads(ecs(one, SENSOR)).get("source", {})
    assert "ip" not in source
    assert source.get("address", "") == src


def test_ipv6_is_an_ip_address() -> None:
    assert read_cef(cef(event(src="fe80::1"), SENSOR))[1]["src"] == json.loads(ecs(event(src="fe80::1"), SENSOR))["source"]["ip"] == "fe80::1"


def test_own_json_is_the_record_with_sensor_and_sequence() -> None:
    document = json.loads(own(event(41), SENSOR))
    assert document == {"sequence": 41, "sensor": "sensor-7", "community_id": COMMUNITY,
                        "attack_names": ["Unauthorized Message: Command Message", "Modify Parameter"], **event().record}


@pytest.mark.parametrize(("severity", "cef_number", "priority", "risk"), [
    ("info", "1", 134, 5), ("low", "3", 133, 25), ("medium", "5", 132, 50), ("high", "8", 131, 75), ("critical", "10", 130, 100)])
def test_severities_are_mapped(severity: str, cef_number: str, priority: int, risk: int) -> None:
    one = event(severity=severity)
    assert read_cef(cef(one, SENSOR))[0][6] == cef_number
    assert message(one, SENSOR, plain).startswith(f"<{priority}>1 ".encode())
    assert json.loads(ecs(one, SENSOR))["event"]["risk_score"] == risk
    assert one.severity is Severity[severity.upper()]


@pytest.mark.parametrize("field", WIRE_FIELDS)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_field_can_forge_another(field: str, text: str) -> None:
    """The hostile field changes itself and the sentence that quotes it; every other field is exactly what it was."""
    friendly, hostile = event(41, **{field: "friendly"}), event(41, **{field: text})
    before, after = read_cef(cef(friendly, SENSOR)), read_cef(cef(hostile, SENSOR))
    assert len(after[0]) == 7
    assert [part for part in after[0] if part not in before[0]] == ([after[0][5]] if field == "title" else [])
    assert after[1].keys() == before[1].keys()
    assert {key for key in before[1] if before[1][key] != after[1][key]} <= {
        "msg", "cs4", {"src_name": "shost", "dst_name": "dhost", "object": "cs2", "value": "cs3", "function_name": "cs1", "title": "msg",
                       "src_zone": "sourceZoneURI"}[field]}
    header, attributes = read_leef(leef(hostile, SENSOR))
    header_before, attributes_before = read_leef(leef(friendly, SENSOR))
    assert header == header_before
    assert attributes.keys() == attributes_before.keys()
    assert attributes["src"] == "10.0.3.66"
    for body in (ecs, own):
        document, document_before = json.loads(body(hostile, SENSOR)), json.loads(body(friendly, SENSOR))
        assert document.keys() == document_before.keys()
    assert json.loads(own(hostile, SENSOR))["severity"] == "high"


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_messages_are_one_line_short_enough_and_whole(body: object, text: str) -> None:
    """Also when every text that may come from the wire is hostile: the addresses, the rule and the sequence stay readable."""
    ours = {"time", "first_seen", "last_seen", "src", "dst", "src_mac", "dst_mac", "severity", "type", "rule", "id", "action", "protocol", "outcome"}
    record = {name: text if isinstance(value, str) and name not in ours else value for name, value in event().record.items()}
    record["evidence"] = {text[:300] + str(i): [text] * 100 for i in range(100)}
    raw = message(Event(sequence=7, record=record), SENSOR, body)  # type: ignore[arg-type]
    assert len(raw) <= MAX_BYTES
    assert not set(raw) & set(range(32)) - ({9} if body is leef else set())
    assert raw.decode("utf-8").isprintable() or body is leef
    whole = raw.decode()
    start = whole.index("[")
    at = whole.index("] ", whole.index("[otwatch@32473"))
    while not _balanced(whole[start:at + 1]):
        at = whole.index("] ", at + 1)
    data = structured_data(whole[start:at + 1])
    assert data["otwatch@32473"]["seq"] == 7
    assert data["otwatch@32473"]["src"] == "10.0.3.66"
    assert data["otwatch@32473"]["rule"] == "ot.unauthorized-write"
    rest = whole[at + 2:]
    if body in (ecs, own):
        assert json.loads(rest)["sequence" if body is own else "message"]
    elif body is cef:
        assert read_cef(rest)[1]["dst"] == "10.0.1.10"
    elif body is leef:
        assert read_leef(rest)[1]["dst"] == "10.0.1.10"


def _balanced(text: str) -> bool:
    try:
        structured_data(text)
    except (AssertionError, IndexError, ValueError):
        return False
    return True


def test_no_byte_order_mark_stands_before_the_body() -> None:
    assert b"\xef\xbb\xbf" not in message(event(), SENSOR, cef)


def test_the_header_is_rfc_5424() -> None:
    whole = message(event(41), SENSOR, plain).decode()
    assert whole.startswith('<131>1 2026-11-22T02:36:00.123456Z sensor-7 otwatch - alert [meta sequenceId="41"][otwatch@32473 seq="41" id=')
    assert message(event(), SENSOR, plain, facility=4).startswith(b"<35>1 ")


def test_a_time_that_is_none_becomes_the_nil_value() -> None:
    assert message(event(time="yesterday] x"), SENSOR, plain).startswith(b"<131>1 - sensor-7 ")
    assert milliseconds("yesterday") == 0


def test_the_standard_sequence_wraps_where_the_rfc_says() -> None:
    data = message(event(2_147_483_648), SENSOR, plain).decode()
    assert '[meta sequenceId="1"]' in data
    assert 'seq="2147483648"' in data


def test_octet_counting_counts_octets() -> None:
    assert octet_counted("ä".encode()) == b"2 \xc3\xa4"


# what an analyst reads in the event

ATTACK = event(
    7, rule="lateral.pivot-command", title="Commands from a remotely accessed host (pivot)", incident="feedfacefeedface", occurrence=3,
    bursts=[{"first_seen": "2026-11-22T02:36:00.000000000Z", "last_seen": "2026-11-22T02:36:01.000000000Z"},
            {"first_seen": "2026-11-23T12:00:00.000000000Z", "last_seen": "2026-11-23T12:00:05.000000000Z"}],
    time="2026-11-23T12:00:00.000000000Z", value=[900, True, None, {"a": "b"}], snoozed_until="2026-12-01T00:00:00.000000000Z",
    evidence={
        "targets": ["10.0.1.10", "10.0.1.11"], "targets_count": 12,
        "chain": [{"time": "", "frame": 1, "src": "172.16.5.66", "dst": "10.0.3.66", "what": "tcp/22"},
                  {"time": "", "frame": 9, "src": "10.0.3.66", "dst": "10.0.1.10", "what": "write_single_register"}],
        "acts": [{"action": "STOP", "function_name": "plc_stop", "outcome": "refused", "objects": [], "target": "10.0.1.11"},
                 {"action": "WRITE", "function_name": "write_single_register", "outcome": "confirmed", "objects": ["40101"], "value": 900,
                  "target": "10.0.1.10"}]})
CHAIN = "172.16.5.66 > 10.0.3.66 (tcp/22) > 10.0.1.10 (write_single_register)"
GRAVEST = "WRITE write_single_register 40101 = 900 at 10.0.1.10 (confirmed)"


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_every_body_has_the_way_in_the_gravest_act_targets_and_techniques(body: Body) -> None:
    whole = message(ATTACK, SENSOR, body).decode()
    gravest = GRAVEST.replace("=", "\\=") if body is cef else GRAVEST
    for text in (CHAIN, "172.16.5.66", GRAVEST, "feedfacefeedface", "Unauthorized Message: Command Message", COMMUNITY, "laptop", "cell 1",
                 "Who writes here was never seen writing.", "2026-12-01T00:00:00.000000000Z"):
        assert text in whole, text
    said = body(ATTACK, SENSOR)
    assert CHAIN in said
    assert gravest in said
    assert "12" in said


def test_the_times_are_those_of_this_occurrence() -> None:
    fields = read_cef(cef(ATTACK, SENSOR))[1]
    assert (fields["rt"], fields["start"], fields["end"]) == ("1795435200000", "1795435200000", "1795435205000")
    document = json.loads(ecs(ATTACK, SENSOR))
    assert document["@timestamp"] == document["event"]["start"] == "2026-11-23T12:00:00.000000000Z"
    assert document["otwatch"]["first_seen"] == "2026-11-22T02:36:00.123456789Z"
    assert json.loads(ocsf(ATTACK, SENSOR))["time"] == 1795435200000
    assert message(ATTACK, SENSOR, plain).startswith(b"<131>1 2026-11-23T12:00:00.000000Z ")


@pytest.mark.parametrize("value", [True, False, [900, True, None], {"name_offset": 26, "x": [1.5, "a'b"]}, 7, 1.5, "plain text", [],
                                   [{"deep": [{"er": "x" * 2000}]}] * 50])
def test_values_are_json_and_not_python(value: object) -> None:
    """And stay JSON when they are cut."""
    one = event(value=value)
    said = [read_cef(cef(one, SENSOR))[1]["cs3"], read_leef(leef(one, SENSOR))[1]["value"], json.loads(ecs(one, SENSOR))["otwatch"]["ot"]["value"]]
    whole = message(one, SENSOR, plain).decode()
    said.append(structured_data(whole[whole.index("["):whole.rindex('"] ') + 2])["otwatch@32473"]["value"])
    for text in said:
        assert text if isinstance(value, str) else json.loads(text) == value or (len(text) > 8 and isinstance(json.loads(text), type(value)))
        assert "True" not in text
        assert "None" not in text
        assert "{'" not in text


def test_the_sensor_s_own_alerts_have_a_reason_and_no_outcome() -> None:
    one = event(rule="sensor.configuration-refused", title="A new configuration is wrong", src="sensor-7", dst="", protocol="", action="", count=1,
                function_name="", object="", outcome="confirmed", src_name=None, dst_name=None, src_zone=None, dst_zone=None,
                evidence={"text": "site.yaml:3:1: there is no \"zonez\""})
    assert plain(one, SENSOR) == 'HIGH A new configuration is wrong: site.yaml:3:1: there is no "zonez" [sensor.configuration-refused]'
    assert "outcome" not in read_cef(cef(one, SENSOR))[1]
    assert read_cef(cef(one, SENSOR))[1]["reason"] == 'site.yaml:3:1: there is no "zonez"'
    assert "outcome" not in read_leef(leef(one, SENSOR))[1]
    assert json.loads(ecs(one, SENSOR))["event"]["reason"] == 'site.yaml:3:1: there is no "zonez"'


@pytest.mark.parametrize("record", [{"evidence": []}, {"evidence": {"chain": "x", "acts": 7, "targets": {}}}, {"bursts": "x"}, {"attack": "T1"},
                                    {"evidence": {"chain": [1], "acts": [None], "targets_count": "many"}}, {"bursts": [{}]}])
def test_a_record_of_another_shape_is_said_all_the_same(record: dict[str, object]) -> None:
    for body in BODIES.values():
        assert message(event(**record), SENSOR, body)


def test_otlp_is_a_log_record_of_the_data_model() -> None:
    request = json.loads(otlp(ATTACK, SENSOR))
    (logs,) = request["resourceLogs"]
    (record,) = logs["scopeLogs"][0]["logRecords"]
    assert record["timeUnixNano"] == "1795435200000000000"
    assert 1 <= record["severityNumber"] <= 24
    assert record["severityText"] in ("INFO", "WARN", "ERROR", "FATAL")
    values = {one["key"]: one["value"] for one in record["attributes"]}
    assert len(values) == len(record["attributes"])
    parsed = Parse(otlp(ATTACK, SENSOR), ExportLogsServiceRequest())  # as a collector reads it: an unknown field would be an error
    read = parsed.resource_logs[0].scope_logs[0].log_records[0]
    assert (read.time_unix_nano, read.severity_number) == (1795435200000000000, record["severityNumber"])
    assert {one.key for one in read.attributes} == set(values)
    assert values["security_rule.uuid"] == {"stringValue": ATTACK.text("rule")}
    assert values["otwatch.sequence"] == {"intValue": str(ATTACK.sequence)}
    assert {"key": "host.name", "value": {"stringValue": SENSOR.name}} in logs["resource"]["attributes"]


def test_ocsf_is_a_detection_finding() -> None:
    document = json.loads(ocsf(ATTACK, SENSOR))
    assert (document["class_uid"], document["category_uid"], document["type_uid"], document["severity_id"]) == (2004, 2, 200402, 4)
    assert document["finding_info"]["attacks"][0]["technique"] == {"uid": "T0855", "name": "Unauthorized Message: Command Message"}
    assert document["evidences"][0]["src_endpoint"] == {"ip": "10.0.3.66", "port": 51200, "mac": "02:00:00:00:03:66", "name": "laptop",
                                                       "zone": "office"}
    assert document["unmapped"]["entry_host"] == "172.16.5.66"
    assert document["metadata"]["version"]
    assert document["metadata"]["product"]["vendor_name"] == "otwatch"


INCIDENT = Event(sequence=9, record={**{name: value for name, value in ATTACK.record.items() if name not in ("evidence", "bursts")}, **{
    "type": "incident", "event": "target", "actor": "172.16.5.66", "chain": ATTACK.record["evidence"]["chain"],
    "targets": ["10.0.1.10", "10.0.1.11"], "targets_count": 12, "last_seen": "2026-11-23T12:00:05.000000000Z",
    "gravest": {"dst": "10.0.1.10", "action": "WRITE", "function_name": "write_single_register", "objects": ["40101"], "value": 900,
                "outcome": "confirmed"}}})


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_an_incident_says_the_same(body: Body) -> None:
    said = body(INCIDENT, SENSOR)
    if body is own:  # the record itself
        assert (json.loads(said)["gravest"]["function_name"], len(json.loads(said)["chain"])) == ("write_single_register", 2)
    else:
        assert CHAIN in said
        assert (GRAVEST.replace("=", "\\=") if body is cef else GRAVEST) in said
    if body is ecs:
        document = json.loads(said)
        assert document["event"]["kind"] == "alert"
        assert document["event"]["start"] == "2026-11-23T12:00:00.000000000Z"
