"""Against real receivers: rsyslog (UDP, TCP, TLS) and syslog-ng; every body parsed back field by field from the receiver's own file."""

from __future__ import annotations

import http.server
import json
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from otwatch.errors import CaptureError
from otwatch.outputs.siem.bodies import BODIES
from otwatch.outputs.siem.rfc5424 import message
from otwatch.outputs.siem.transport import Refused, connect, parse_target
from tests.outputs.siem.reading_back import read_cef, read_leef
from tests.outputs.siem.receivers import SENSOR, Authority, Receiver, Rsyslog, SyslogNg, event, structured_data, wait_for
from tests.outputs.siem.test_bodies import HOSTILE


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module", params=["rsyslog", "syslog-ng"])
def receiver(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Receiver]:
    folder = tmp_path_factory.mktemp(request.param)
    server: Receiver = Rsyslog(folder, authority) if request.param == "rsyslog" else SyslogNg(folder, authority)
    server.start()
    yield server
    server.stop()


def url(receiver: Receiver, scheme: str, authority: Authority, **settings: str) -> str:
    query = {"ca": str(authority.ca), **settings} if scheme == "tls" else settings
    return f"{scheme}://localhost:{receiver.ports[scheme]}?" + "&".join(f"{name}={value}" for name, value in query.items())


@pytest.mark.parametrize("scheme", ["udp", "tcp", "tls"])
@pytest.mark.parametrize("form", BODIES)
def test_the_receiver_reads_every_field(receiver: Receiver, authority: Authority, scheme: str, form: str) -> None:
    target = parse_target(url(receiver, scheme, authority, format=form))
    transport = connect(target)
    before = len(receiver.received())
    names = list(HOSTILE)
    events = [event(100)] + [event(101 + i, src_name=HOSTILE[name], object=HOSTILE[name], title=HOSTILE[name]) for i, name in enumerate(names)]
    for one in events:
        transport.send(message(one, SENSOR, BODIES[form]))
    wait_for(lambda: len(receiver.received()) >= before + len(events))
    received = receiver.received()[before:]
    transport.close()
    assert len(received) == len(events)
    assert [structured_data(item["sd"])["otwatch@32473"]["seq"] for item in received] == [one.sequence for one in events]
    for item, one in zip(received, events, strict=True):
        assert (item["pri"], item["host"], item["app"], item["msgid"]) == ("131", "sensor-7", "otwatch", "alert")
        data = structured_data(item["sd"])
        assert list(data) == ["meta", "otwatch@32473"]
        assert {name: data["otwatch@32473"][name] for name in ("rule", "src", "dst", "protocol", "action", "outcome")} == {
            "rule": "ot.unauthorized-write", "src": "10.0.3.66", "dst": "10.0.1.10", "protocol": "modbus", "action": "WRITE", "outcome": "confirmed"}
        _check_body(form, item["msg"].lstrip(" "), one.sequence)
    assert received[0]["time"].startswith("2026-11-22T02:36:00.123456") or isinstance(receiver, SyslogNg)


def _check_body(form: str, text: str, sequence: int) -> None:
    if form == "cef":
        header, fields = read_cef(text)
        assert header[0] == "CEF:0"
        assert header[4] == "ot.unauthorized-write"
        assert (fields["externalId"], fields["src"], fields["dst"], fields["outcome"]) == (str(sequence), "10.0.3.66", "10.0.1.10", "success")
    elif form == "leef":
        header, fields = read_leef(text)
        assert header[0] == "LEEF:2.0"
        assert (fields["identifier"], fields["src"], fields["dst"], fields["sev"]) == (str(sequence), "10.0.3.66", "10.0.1.10", "8")
    elif form == "ecs":
        document = json.loads(text)
        assert document["event"]["sequence"] == sequence
        assert document["source"]["ip"] == "10.0.3.66"
    elif form == "json":
        document = json.loads(text)
        assert (document["sequence"], document["src"], document["severity"]) == (sequence, "10.0.3.66", "high")
    elif form == "ocsf":
        document = json.loads(text)
        assert (document["class_uid"], document["metadata"]["sequence"]) == (2004, sequence)
        assert document["evidences"][0]["src_endpoint"]["ip"] == "10.0.3.66"
    elif form == "otlp":
        (record,) = json.loads(text)["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
        assert {"key": "otwatch.sequence", "value": {"intValue": str(sequence)}} in record["attributes"]
    else:
        assert text.startswith("HIGH ")
        assert "-> 10.0.1.10 (PLC press line, cell 1): modbus" in text


def test_a_certificate_of_another_authority_is_refused(receiver: Receiver, tmp_path: Path, authority: Authority) -> None:
    other = Authority(tmp_path)
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        connect(parse_target(f"tls://localhost:{receiver.ports['tls']}?ca={other.ca}"))


def test_a_certificate_of_another_name_is_refused(receiver: Receiver, authority: Authority) -> None:
    with pytest.raises(OSError, match=r"IP address mismatch|Hostname mismatch"):
        connect(parse_target(f"tls://127.0.0.1:{receiver.ports['tls']}?ca={authority.ca}"))
    connect(parse_target(f"tls://127.0.0.1:{receiver.ports['tls']}?ca={authority.ca}&server_name=localhost")).close()


def test_a_receiver_that_wants_a_client_certificate_gets_it(tmp_path: Path, authority: Authority) -> None:
    rsyslog = Rsyslog(tmp_path / "rsyslog", authority, client_name="sensor-7")
    rsyslog.start()
    try:
        certificate, key = authority.certificate("sensor-7")
        transport = connect(parse_target(url(rsyslog, "tls", authority, cert=str(certificate), key=str(key))))
        transport.send(message(event(5), SENSOR, BODIES["cef"]))
        assert wait_for(lambda: rsyslog.sequences() == [5])
        transport.close()
        stranger, stranger_key = authority.certificate("stranger")
        transport = connect(parse_target(url(rsyslog, "tls", authority, cert=str(stranger), key=str(stranger_key))))
        transport.send(message(event(6), SENSOR, BODIES["cef"]))

        def told() -> bool:
            try:
                transport.unacknowledged_bytes()
            except OSError:
                return True
            return False

        assert wait_for(told), "that rsyslog closed the connection must be an error"
        transport.close()
        assert rsyslog.sequences() == [5]
    finally:
        rsyslog.stop(signal.SIGTERM)


def test_certificate_files_that_are_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="certificate files of tls://"):
        connect(parse_target(f"tls://localhost:{_listening_port()}?ca={tmp_path}/none.pem"))


def _listening_port() -> int:
    import socket

    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=lambda: (server.accept()[0].close(), server.close()), daemon=True).start()
    return int(server.getsockname()[1])


@pytest.mark.parametrize(("text", "complaint"), [
    ("siem.example", "write udp://"), ("ftp://siem", "write udp://"), ("udp://siem:99999", "not a destination"), ("udp://siem?fromat=cef", "fromat"),
    ("udp://siem?format=xml", "text, cef, leef, ecs, ocsf, otlp, json"), ("udp://siem?facility=24", "0 to 23"), ("tcp://", "write udp://")])
def test_a_wrong_destination_says_what_is_wrong(text: str, complaint: str) -> None:
    with pytest.raises(CaptureError, match=complaint):
        parse_target(text)


def test_ports_and_formats_have_the_defaults_of_their_standards() -> None:
    assert [(parse_target(f"{scheme}://h").port, parse_target(f"{scheme}://h").format) for scheme in ("udp", "tcp", "tls", "https")] == [
        (514, "cef"), (601, "cef"), (6514, "cef"), (443, "json")]


class _Hook(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append((self.path, self.headers["Content-Type"], body))  # type: ignore[attr-defined]
        self.send_response(self.server.answer)  # type: ignore[attr-defined]
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_a_webhook_gets_the_body_over_tls_and_its_answer_decides(tmp_path: Path, authority: Authority) -> None:
    import ssl

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Hook)
    server.bodies, server.answer = [], 204  # type: ignore[attr-defined]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.certificate("localhost"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        transport = connect(parse_target(f"https://localhost:{server.server_port}/hook?ca={authority.ca}"))
        transport.send(b'{"a":1}')
        assert server.bodies == [("/hook", "application/json", b'{"a":1}')]  # type: ignore[attr-defined]
        server.answer = 503  # type: ignore[attr-defined]
        with pytest.raises(OSError, match="HTTP 503"):
            transport.send(b"{}")
        server.answer = 422  # type: ignore[attr-defined]
        with pytest.raises(Refused):
            transport.send(b"{}")
        transport.close()
    finally:
        server.shutdown()
        server.server_close()


def test_a_reader_of_lines_gets_one_message_a_line() -> None:
    """framing=lf, RFC 6587 section 3.4.2: what Logstash, Fluent Bit and Splunk take; hostile text ends no line."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        transport = connect(parse_target(f"tcp://127.0.0.1:{server.getsockname()[1]}?format=leef&framing=lf"))
        accepted, _ = server.accept()
        events = [event(1 + i, src_name=text, object=text, title=text, why=text) for i, text in enumerate(HOSTILE.values())]
        for one in events:
            transport.send(message(one, SENSOR, BODIES["leef"]))
        transport.close()
        with accepted, accepted.makefile("rb") as lines:
            received = lines.read().split(b"\n")
    assert received.pop() == b""
    assert [b'seq="%d"' % one.sequence in line for one, line in zip(events, received, strict=True)] == [True] * len(events)


@pytest.mark.parametrize("url", ["tcp://siem?framing=crlf", "udp://siem?framing=lf", "https://siem/x?framing=lf"])
def test_a_framing_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(CaptureError, match="framing"):
        parse_target(url)
