# cython: boundscheck=True, wraparound=False, cdivision=True
"""What the walks over capture files have in common: their figures, and how they say that something is wrong."""

from __future__ import annotations

import cython

from otwatch.capture.anomalies import ANOMALIES, CaptureAnomaly
from otwatch.capture.report import Interface, Problem
from otwatch.limits import Limits
from otwatch.tables import Anomalies, Packets
from otwatch.vocabulary import Layer

_KINDS = {kind.code: kind for kind in ANOMALIES[Layer.CAPTURE]}
_LAYER = int(Layer.CAPTURE)
_RESYNCHRONISED = int(CaptureAnomaly.RESYNCHRONISED)
_TRUNCATED = int(CaptureAnomaly.TRUNCATED)


class Walk:
    """Goes over the records of one capture and fills the capture columns of `packets`, one row a packet, never an exception.

    The bytes are handed over in windows: `data[start:end]` are the bytes of the file from `base + start`; `final` says that none
    follow. Results do not depend on how the file is cut into windows or the packets into batches.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.format = ""
        self.interfaces: list[Interface] = []
        self.problems: list[Problem] = []
        self.problem_counts: dict[str, int] = {}
        self.anomalies = Anomalies(64)  # of the current batch
        self.base = 0
        self.frames = 0
        self.packets = 0
        self.captured_bytes = 0
        self.wire_bytes = 0
        self.first_ns = 0x7FFF_FFFF_FFFF_FFFF
        self.last_ns = -1
        self.previous_ns = 0
        self.backwards = 0
        self.step_back_ns = 0
        self.most_fraction = -1  # of a second, in the file's unit, where the file counts nanoseconds
        self.snapped = 0
        self.skipped = 0
        self.cut_at = -1
        self.lost_at = -1  # where the walk lost its way, while it searches
        self.needed = 0  # bytes that the next record needs from where the walk stopped, when it stopped for lack of bytes
        self.ended = False

    def walk(self, data: cython.const[cython.uchar][::1], start: cython.Py_ssize_t, end: cython.Py_ssize_t, final: cython.bint,
             packets: Packets, capacity: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """Fills rows until `capacity`, or until no whole record is left; returns the offset in `data` up to which it went."""
        raise NotImplementedError

    def packets_per_interface(self) -> list[int]:
        """Packets of each of `interfaces`."""
        raise NotImplementedError

    def note(self, kind: cython.int, at: cython.Py_ssize_t, field: cython.int, needed: cython.longlong, had: cython.longlong,
             row: cython.Py_ssize_t, frame: cython.longlong, time: cython.longlong) -> object:
        """An anomaly at data offset `at`: one row, one count, and a text with the place for the first of them.

        `field` is the offset of the wrong field within the record; row, frame and time are those of the packet,
        or -1 and the last frame and time before when it is of no packet.
        """
        anomalies = self.anomalies
        new: cython.Py_ssize_t = anomalies.new_row()
        anomalies.packet[new] = row
        anomalies.timestamp_ns[new] = time
        anomalies.frame[new] = frame
        anomalies.flow[new] = -1
        anomalies.source[new] = -1
        anomalies.destination[new] = -1
        anomalies.layer[new] = _LAYER
        anomalies.kind[new] = kind
        anomalies.offset[new] = field
        anomalies.needed[new] = needed
        anomalies.had[new] = had
        known = _KINDS[kind]
        self.problem_counts[known.name] = self.problem_counts.get(known.name, 0) + 1
        if len(self.problems) < self.limits.capture_problems:
            offset = self.base + at
            text = f"{known.doc.partition(':')[0].rstrip('.')} (needed {needed}, had {had})"
            self.problems.append(Problem(offset=offset, frame=frame, kind=known.name, text=text))
        return None

    def cut(self, at: cython.Py_ssize_t, needed: cython.longlong, had: cython.longlong, frame: cython.longlong,
            time: cython.longlong) -> object:
        """The file ends within the record at `at`."""
        self.note(_TRUNCATED, at, 0, needed, had, -1, frame, time)
        self.cut_at = self.base + at
        self.ended = True
        return None

    def lose(self, kind: cython.int, at: cython.Py_ssize_t, field: cython.int, needed: cython.longlong, had: cython.longlong,
             frame: cython.longlong, time: cython.longlong) -> object:
        """Wrong bytes from which the next record cannot be told: from now on the walk searches."""
        self.note(kind, at, field, needed, had, -1, frame, time)
        self.lost_at = self.base + at
        return None

    def found(self, at: cython.Py_ssize_t, frame: cython.longlong, time: cython.longlong) -> object:
        """The search has come to a record at `at`, or to the end without one."""
        passed: cython.longlong = self.base + at - self.lost_at
        self.skipped += passed
        if self.ended:
            self.cut_at = self.lost_at
        else:
            self.note(_RESYNCHRONISED, at, 0, 0, passed, -1, frame, time)
        self.lost_at = -1
        return None
