"""Prometheus text: escaped labels, a file replaced whole, an answer on loopback only."""

from __future__ import annotations

import socket
import urllib.request
from pathlib import Path

from otwatch.sensor.metrics import Metrics, MetricsFile, MetricsPort, prometheus_text


def test_labels_cannot_forge_a_line() -> None:
    text = prometheus_text({"x": ("gauge", "meaning", {(("name", 'a"\n\\'),): 1.5, (): 2})})
    assert text == '# HELP otwatch_x meaning\n# TYPE otwatch_x gauge\notwatch_x{name="a\\"\\n\\\\"} 1.5\notwatch_x 2\n'


def test_large_counters_keep_their_digits() -> None:
    assert "otwatch_x 1234567890123\n" in prometheus_text({"x": ("counter", "m", {(): 1234567890123})})


def test_the_file_is_replaced_and_errors_are_counted(tmp_path: Path) -> None:
    metrics = MetricsFile(tmp_path / "m.prom")
    metrics.write("a 1\n")
    metrics.write("a 2\n")
    assert [path.name for path in tmp_path.iterdir()] == ["m.prom"]
    assert (tmp_path / "m.prom").read_text() == "a 2\n"
    broken = MetricsFile(tmp_path / "none" / "m.prom")
    broken.write("a 1\n")
    assert broken.error == "No such file or directory"


def test_a_port_that_is_taken_is_an_error_and_is_tried_again() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        metrics = Metrics("", port)
        metrics.start()
        assert "choose another with outputs.metrics_port" in metrics.failing()["metrics port"]
    metrics.write("otwatch_x 1\n")
    try:
        assert metrics.failing() == {}
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            assert answer.read() == b"otwatch_x 1\n"
    finally:
        metrics.close()


def test_the_port_answers_with_the_last_text() -> None:
    port = MetricsPort(0)
    port.text = "otwatch_x 1\n"
    port.start()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port.port}/metrics", timeout=5) as answer:
            assert answer.read() == b"otwatch_x 1\n"
    finally:
        port.close()
