"""Events of every kind in the parsers of receivers, by the text of siem-recipes.md: an attack replayed into a sensor whose disk is full."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from otwatch.outputs.siem.bodies import BODIES
from otwatch.outputs.siem.rfc5424 import message
from tests.cli.calling import ATTACK, otwatch
from tests.outputs.siem.receivers import SENSOR, event

PAGE = (Path(__file__).parents[3] / "docs/howto/siem-recipes.md").read_text()
FORMATS = ("json", "ecs", "cef", "ocsf")
HOSTILE = ({"object": 'x] "] { y'}, {"src_name": '"] {"a":1}'}, {"value": "a|b|c|d|e|10|src=6.6.6.6 \\"}, {"title": "ü [x] \\] {"})


class Listener:
    """A receiver of lines on loopback."""

    def __init__(self) -> None:
        self.data = b""
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        connection, _ = self._server.accept()
        while part := connection.recv(65_536):
            self.data += part

    def lines(self) -> list[str]:
        return self.data.decode().splitlines()


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[str]]:
    """Format -> the lines: alerts, incidents, a condition of the sensor and its heartbeat; then such with hostile names."""
    folder = tmp_path_factory.mktemp("sensor")
    listeners = {form: Listener() for form in FORMATS}
    urls = [f"tcp://127.0.0.1:{one.port}?format={form}&framing=lf&events=all" for form, one in listeners.items()]
    config = folder / "sensor.toml"
    config.write_text(f'[sensor]\nname = "sensor-7"\nstate = "{folder}/state"\n[outputs]\njsonl = "/dev/full"\ndestinations = {json.dumps(urls)}\n')
    done = otwatch("sensor", "--config", config, "--replay", ATTACK)
    assert done.returncode == 0, done.stderr
    found = {form: one.lines() for form, one in listeners.items()}
    for form, lines in found.items():
        lines += [message(event(**fields), SENSOR, BODIES[form]).decode() for fields in HOSTILE]
    return found


def recipe(heading: str, language: str = "") -> str:
    """The first block of that language below a heading."""
    section = PAGE.partition(f"\n## {heading}")[2].partition("\n## ")[0]
    found = re.search(rf"^```{language}\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    assert found is not None, heading
    return found[1]


def records(sent: Mapping[str, list[str]]) -> list[dict[str, Any]]:
    """What was sent as JSON, read after its header by its own rule: a quote of structured data is escaped, so `"] ` ends it."""
    return [json.loads(line[line.index('"] ') + 3 :]) for line in sent["json"]]


def check(sent: Mapping[str, list[str]], parsed: Callable[[str], dict[str, Any]]) -> None:
    """Every event comes out with its own fields."""
    for line, record in zip(sent["json"], records(sent), strict=True):
        assert {name: parsed(line).get(name) for name in record} == record


def test_every_kind_is_among_the_events(sent: Mapping[str, list[str]]) -> None:
    kinds = {(record["type"], record["rule"].startswith("sensor.")) for record in records(sent)}
    assert kinds == {("alert", False), ("alert", True), ("incident", False), ("heartbeat", True)}
    assert {len(lines) for lines in sent.values()} == {len(sent["json"])}


def test_logstash_and_elasticsearch(sent: Mapping[str, list[str]]) -> None:
    grok = pytest.importorskip("pygrok")
    given = re.search(r"'(\^<%\{NONNEGINT\}.*?)'", recipe("Logstash"))
    assert given is not None
    pipeline = json.loads(recipe("Logstash", "json"))["processors"]
    for pattern, name in ((given[1], "body"), (pipeline[0]["grok"]["patterns"][0], pipeline[1]["json"]["field"])):
        parser = grok.Grok(pattern)
        for line, record in zip(sent["ecs"], records(sent), strict=True):
            document = json.loads(parser.match(line)[name])
            assert document["rule"]["id"] == record["rule"]
            assert document["event"]["dataset"] == f"otwatch.{record['type']}"
            assert document["event"]["kind"] == ("event" if record["type"] == "heartbeat" else "alert")
            assert document["@timestamp"] == record["time"]
            assert document.get("source", {}).get("ip") == (record["src"] if not record["rule"].startswith("sensor.") else None)


def test_splunk(sent: Mapping[str, list[str]]) -> None:
    settings = dict(line.split(" = ", 1) for line in recipe("Splunk").splitlines() if " = " in line)
    _, pattern, replacement, _ = settings["SEDCMD-header"].split("/") if settings["SEDCMD-header"].count("/") == 3 else ["", "", "", ""]
    assert pattern
    check(sent, lambda line: json.loads(re.sub(pattern, replacement, line, count=1)))
    assert settings["TIME_FORMAT"] == "%Y-%m-%dT%H:%M:%S.%6N%Z"
    for line, record in zip(sent["json"], records(sent), strict=True):  # before SEDCMD: timestamps are read in an earlier pipeline
        prefix = re.match(settings["TIME_PREFIX"], line)
        assert prefix is not None
        time = line[prefix.end() : prefix.end() + int(settings["MAX_TIMESTAMP_LOOKAHEAD"])].split(" ")[0]
        assert time == f"{record['time'][:26]}Z"
        assert len(line.encode()) < int(settings["TRUNCATE"])


def test_sentinel(sent: Mapping[str, list[str]]) -> None:
    pycef = pytest.importorskip("pycef")
    of_sensor = len(sent["cef"]) - len(HOSTILE)  # pycef cannot split hostile ones: test_bodies.py does, by the specification
    for line, record in zip(sent["cef"][:of_sensor], records(sent)[:of_sensor], strict=True):
        parsed = pycef.parse(line[line.index("CEF:") :])
        assert (parsed["DeviceVendor"], parsed["DeviceEventClassID"]) == ("otwatch", record["rule"])
        assert int(parsed["start"]) > 0  # also of a heartbeat, which has no duration
        assert int(parsed["end"]) >= int(parsed["start"])
        if record["type"] != "heartbeat":
            assert (int(parsed["Severity"]) >= 8) == (record["severity"] in ("high", "critical"))
        if not record["rule"].startswith("sensor."):
            assert (parsed["src"], parsed.get("outcome", "")) != ("", "6.6.6.6")
            assert parsed["src"] == record["src"]
        if record.get("incident"):
            assert re.search(r"^[0-9a-f]+$", parsed["otwatchIncident"])


def test_wazuh(sent: Mapping[str, list[str]]) -> None:
    parent, child = re.findall(r'<prematch type="pcre2">(.*?)</prematch>', recipe("Wazuh", "xml"))

    def decoded(line: str) -> dict[str, Any]:
        without = line[line.index(">") + 1 :]  # wazuh-remoted takes the priority off
        assert re.match(parent, without)
        found = re.search(child, without)
        assert found is not None
        document: dict[str, Any] = json.loads(without[found.end() :])
        return document

    check(sent, decoded)


def test_vector(sent: Mapping[str, list[str]]) -> None:
    vrl = pytest.importorskip("pyvrl")
    program = vrl.Transform(recipe("Vector", "coffee"))
    check(sent, lambda line: dict(program.remap({"message": line})))
    assert program.remap({"message": sent["json"][0]})["host"] == "sensor-7"


def test_fluent_bit(sent: Mapping[str, list[str]]) -> None:
    given = re.search(r"Regex +(.*)", recipe("Fluent Bit", "ini"))
    assert given is not None
    pattern = re.compile(given[1].replace("(?<", "(?P<"))

    def parsed(line: str) -> dict[str, Any]:
        found = pattern.match(line)
        assert found is not None
        assert found["host"] == "sensor-7"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", found["time"])  # %L takes the digits that there are
        document: dict[str, Any] = json.loads(found["body"])
        return document

    check(sent, parsed)


def test_ocsf_fits_the_published_schema(sent: Mapping[str, list[str]]) -> None:
    ocsf, jsonschema = pytest.importorskip("ocsf_json_schema"), pytest.importorskip("jsonschema")
    documents = [json.loads(line[line.index('"] ') + 3 :]) for line in sent["ocsf"]]
    (version,) = {document["metadata"]["version"] for document in documents}
    schema = ocsf.OcsfJsonSchemaEmbedded(ocsf.get_ocsf_schema(version=version))
    validator = jsonschema.Draft202012Validator(schema.get_class_schema(class_name=schema.lookup_class_name_from_uid(class_uid=2004)))
    assert [(list(error.absolute_path), error.message) for document in documents for error in validator.iter_errors(document)] == []
    assert {document["finding_info"]["analytic"]["uid"] for document in documents} == {record["rule"] for record in records(sent)}
