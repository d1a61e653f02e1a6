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


class MetricsFile:
    """Rewrites a file atomically; errors are counted."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.errors = 0

    def write(self, text: str) -> None:
        """Replaces the content."""
        scratch = self.path.with_name(self.path.name + ".new")
        try:
            scratch.write_text(text, encoding="utf-8")
            scratch.replace(self.path)
        except OSError:
            self.errors += 1


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
