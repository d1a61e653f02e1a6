"""The sensor's figures as Prometheus text: a file that is rewritten whole, or an answer on a loopback port."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from otwatch.errors import CaptureError

_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def prometheus_text(figures: Mapping[str, tuple[str, str, Mapping[tuple[tuple[str, str], ...], float]]]) -> str:
    """name -> (type, help, label pairs -> value) as the text format 0.0.4."""
    lines = []
    for name, (kind, meaning, values) in figures.items():
        lines += [f"# HELP otwatch_{name} {meaning}", f"# TYPE otwatch_{name} {kind}"]
        for labels, value in values.items():
            inside = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
            lines.append(
                f"otwatch_{name}{'{' + inside + '}' if inside else ''} {value:g}"
                if isinstance(value, float)
                else f"otwatch_{name}{'{' + inside + '}' if inside else ''} {value}"
            )
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


class Metrics:
    """The file and the port that the configuration names. Both are optional: a fault of theirs is an `error`, and is tried again."""

    def __init__(self, file: str, port: int) -> None:
        self._file = MetricsFile(Path(file)) if file else None
        self._number = port
        self._port: MetricsPort | None = None
        self._started = False
        self._port_error = ""
        self._open()

    def _open(self) -> None:
        if self._port is None and self._number:
            try:
                self._port = MetricsPort(self._number)
                self._port_error = ""
            except CaptureError as error:
                self._port_error = str(error)

    @property
    def wanted(self) -> bool:
        """Whether anything is configured."""
        return self._file is not None or self._number > 0

    def start(self) -> None:
        """Starts answering; call it after privileges were dropped."""
        self._started = True
        if self._port is not None:
            self._port.start()

    def write(self, text: str) -> None:
        """The new text, to both."""
        if self._file is not None:
            self._file.write(text)
        if self._port is None:
            self._open()
            if self._port is not None and self._started:
                self._port.start()
        if self._port is not None:
            self._port.text = text

    def failing(self) -> dict[str, str]:
        """What does not work now: name -> why."""
        failing = {"metrics port": self._port_error} if self._port_error else {}
        if self._file is not None and self._file.error:
            failing[f"metrics file {self._file.path}"] = self._file.error
        return failing

    def close(self) -> None:
        """Stops answering."""
        if self._port is not None:
            self._port.close()


class MetricsFile:
    """Rewrites a file atomically; what keeps it from that is its `error`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.error = ""

    def write(self, text: str) -> None:
        """Replaces the content."""
        scratch = self.path.with_name(self.path.name + ".new")
        try:
            scratch.write_text(text, encoding="utf-8")
            scratch.replace(self.path)
            self.error = ""
        except OSError as error:
            self.error = error.strerror or str(error)


class MetricsPort:
    """Answers GET on 127.0.0.1 with the last text; nothing else can be asked."""

    def __init__(self, port: int) -> None:
        answering = self

        class Handler(http.server.BaseHTTPRequestHandler):
            timeout = 5

            def do_GET(self) -> None:
                body = answering.text.encode()
                self.send_response(200)
                self.send_header("Content-Type", _TYPE)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Nobody wants to read that."""

        self.text = ""
        try:
            self._server = http.server.HTTPServer(("127.0.0.1", port), Handler)
        except OSError as error:
            raise CaptureError(f"metrics port {port}: {error.strerror}; choose another with outputs.metrics_port") from error
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)

    def start(self) -> None:
        """Starts answering."""
        self._thread.start()

    def close(self) -> None:
        """Stops answering."""
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()
