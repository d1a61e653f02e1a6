"""Frames of a capture in Wireshark's words: by pyshark where it is installed, else straight from tshark's PDML."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final
from xml.etree import ElementTree  # the XML is tshark's own, not of the wire: tshark escapes what the wire says

from otwatch.capture.compressed import DecompressedStream, RawStream, compression_of
from otwatch.errors import CaptureError
from otwatch.outputs.escape import one_line

_HEAD: Final = 6
_CHUNK: Final = 1 << 20
_MOST_BYTES: Final = 16 << 30
_READ_BY_TSHARK: Final = frozenset({"", "gzip", "zstd"})
_SHORTEST_TEXT: Final = 4  # octets: what is shorter is printable by chance


@dataclass(frozen=True, slots=True)
class Dissected:
    """One frame: its layers, each with the lines that Wireshark shows. Escaped."""

    number: int
    time: str
    length_bytes: int
    layers: Sequence[tuple[str, Sequence[str]]]


def dissected(capture: str, frames: Collection[int]) -> Iterator[Dissected]:
    """These frames of a capture, as far as it has them, in order. CaptureError says what is missing or what tshark complains of."""
    if shutil.which("tshark") is None:
        raise CaptureError("inspect needs tshark: install it (Debian: apt install tshark)")
    wanted = " || ".join(f"frame.number == {number}" for number in sorted(set(frames)))
    try:
        import pyshark
    except ImportError:
        pyshark = None
    with _as_tshark_reads(Path(capture)) as path:
        yield from _by_tshark(path, wanted) if pyshark is None else _by_pyshark(pyshark, path, wanted)


@contextmanager
def _as_tshark_reads(path: Path) -> Iterator[str]:
    """The file itself or, of a compression that tshark does not read, what is in it."""
    try:
        with path.open("rb", buffering=0) as file:
            compression = compression_of(file.read(_HEAD))
            if compression in _READ_BY_TSHARK:
                yield str(path)
                return
            file.seek(0)
            with tempfile.NamedTemporaryFile(prefix="otwatch-", suffix=".pcap") as plain:
                _decompress(file, compression, plain)
                yield plain.name
    except OSError as error:
        raise CaptureError(f"{path}: {error.strerror or error}") from error


def _decompress(file: IO[bytes], compression: str, plain: IO[bytes]) -> None:
    stream = DecompressedStream(RawStream(file.fileno()), compression)
    buffer, written = memoryview(bytearray(_CHUNK)), 0
    while count := stream.readinto(buffer):
        written += plain.write(buffer[:count])
        if written > _MOST_BYTES:
            raise CaptureError(f"{file.name}: more than {_MOST_BYTES >> 30} GiB when decompressed: cut it first (otwatch slice)")
    plain.flush()  # what is whole before a damage can be dissected all the same


def _by_pyshark(pyshark: Any, path: str, wanted: str) -> Iterator[Dissected]:
    reader = pyshark.FileCapture(path, display_filter=wanted, keep_packets=False)
    try:
        for packet in reader:
            layers = [
                (layer.layer_name, [_line(field.showname or "", field.show or "", field.raw_value or "") for field in layer._all_fields.values()])
                for layer in packet.layers
            ]
            yield _frame(int(packet.number), str(packet.sniff_time), int(packet.length), layers)
    except Exception as error:  # pyshark raises what its version likes; the user needs tshark's own words
        raise CaptureError(f"tshark could not dissect {path}: {error}") from error
    finally:
        reader.close()


def _by_tshark(path: str, wanted: str) -> Iterator[Dissected]:
    command = ["tshark", "-n", "-r", path, "-Y", wanted, "-T", "pdml"]
    with tempfile.TemporaryFile() as complaints, subprocess.Popen(  # noqa: S603 - no shell
        command, stdout=subprocess.PIPE, stderr=complaints
    ) as running:
        assert running.stdout is not None
        try:
            for _, element in ElementTree.iterparse(running.stdout, events=("end",)):  # noqa: S314 - see the import
                if element.tag == "packet":
                    yield _from_pdml(element)
                    element.clear()
        except ElementTree.ParseError:
            pass  # tshark ended early, and says why
        if running.wait() not in (0, -13):
            complaints.seek(0)
            said = complaints.read().decode("utf-8", "replace").strip().splitlines()
            raise CaptureError(f"tshark could not dissect {path}: {said[-1] if said else f'it ended with {running.returncode}'}")


def _from_pdml(packet: ElementTree.Element) -> Dissected:
    general = {field.get("name"): field for field in packet.iterfind("proto[@name='geninfo']/field")}
    number, time, length = (general[name].get("show", "") if name in general else "" for name in ("num", "timestamp", "len"))
    layers = []
    for layer in packet.iterfind("proto"):
        if layer.get("name") != "geninfo":
            fields = [field for field in layer.iter("field") if field.get("hide") != "yes"]
            layers.append((layer.get("name", ""), [_line(*(field.get(name, "") for name in ("showname", "show", "value"))) for field in fields]))
    return _frame(int(number or 0), time, int(length or 0), layers)


def _line(name: str, shown: str, octets: str) -> str:
    """As Wireshark shows a field; octets that are printable as text, too."""
    line = name or shown
    if ":" not in shown or len(octets) < 2 * _SHORTEST_TEXT:
        return line
    try:
        text = bytes.fromhex(octets).decode("ascii")
    except (ValueError, UnicodeDecodeError):
        return line
    return f'{line}  "{text}"' if text.isprintable() and text not in line else line


def _frame(number: int, time: str, length_bytes: int, layers: Sequence[tuple[str, Sequence[str]]]) -> Dissected:
    """As it can be shown: one line each, none twice, nothing that a terminal obeys."""
    shown = [(one_line(name), [line for line in dict.fromkeys(map(one_line, lines)) if line]) for name, lines in layers]
    return Dissected(number, one_line(time), length_bytes, shown)
