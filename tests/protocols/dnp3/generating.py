"""Hypothesis strategies: fragments that are valid, nearly valid or noise, and the link frames that carry them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from otwatch.protocols.dnp3 import spec
from tests.oracle.dnp3 import SIZES, WITH_DATA, frame, segments, size_of

_GROUPS = sorted(SIZES)


@st.composite
def object_header(draw: st.DrawFn, function: int) -> bytes:
    """A group, variation, qualifier, range, and as many objects as it says."""
    group = draw(st.sampled_from([0, 12, 41, 50, 80, *_GROUPS]))
    variation = draw(st.integers(1, len(SIZES[group]))) if group in SIZES else draw(st.integers(240, 255))
    size = size_of(group, variation)
    count = draw(st.integers(0, 9))
    data = function in WITH_DATA or group == 120
    if size == "sized" or draw(st.integers(0, 20)) == 0:
        out = bytes((group, variation, 0x5B, count))
        for _ in range(count):
            piece = draw(st.binary(max_size=30))
            out += len(piece).to_bytes(2, "little") + piece
        return out
    if not data and draw(st.booleans()):
        return bytes((group, draw(st.sampled_from([0, variation])), 6))
    prefix, code, width = draw(st.sampled_from([(0, 0, 0), (0, 1, 0), (0, 2, 0), (0, 7, 0), (0, 8, 0), (1, 7, 1), (2, 8, 2), (3, 9, 4), (2, 7, 2)]))
    if isinstance(size, float):
        prefix, code, width = 0, draw(st.sampled_from([0, 1, 7])), 0
    out = bytes((group, variation, prefix << 4 | code))
    if code < 3:
        start = draw(st.integers(0, 200))
        count = max(count, 1)
        out += start.to_bytes(1 << code, "little") + (start + count - 1).to_bytes(1 << code, "little")
    else:
        out += count.to_bytes(1 << code - 7, "little")
    if isinstance(size, float):
        return out + (draw(st.binary(min_size=(int(count * size * 8) + 7) // 8, max_size=(int(count * size * 8) + 7) // 8)) if data else b"")
    for _ in range(count if data or width else 0):
        out += draw(st.binary(min_size=width, max_size=width))
        if data and size == "attribute":
            content = draw(st.binary(max_size=20))
            out += bytes((draw(st.integers(1, 8)), len(content))) + content
        elif data:
            out += draw(st.binary(min_size=size or 0, max_size=size or 0)) if size is None or size < 40 else bytes(size)
    return out


@st.composite
def fragment(draw: st.DrawFn) -> tuple[bytes, bool]:
    """(application octets, whether a master sends it)."""
    function = draw(st.sampled_from([*spec.FUNCTIONS, 1, 2, 3, 4, 5, 129, 129, 129, 130, draw(st.integers(0, 255))]))
    sequence = draw(st.integers(0, 3))
    answer = function >= 128
    control = draw(st.sampled_from([0xC0, 0xC0, 0xC0, 0xE0, 0xD0 if function in (0, 130) else 0xC0, 0x80, 0x40, 0xF0])) | sequence
    out = bytes((control, function))
    if answer:
        out += bytes((draw(st.sampled_from([0, 0x80, 0x40, 2])), draw(st.sampled_from([0, 0, 1, 2, 4, 8, 0x40]))))
    for _ in range(draw(st.integers(0, 4))):
        out += draw(object_header(function))
    flipped = draw(st.integers(0, 15)) == 0
    return out, flipped == answer


@st.composite
def spoiled(draw: st.DrawFn, octets: bytes) -> bytes:
    """The same, cut or with an octet changed."""
    how = draw(st.integers(0, 5))
    if how == 0 and octets:
        return octets[:draw(st.integers(0, len(octets)))]
    if how == 1 and octets:
        at = draw(st.integers(0, len(octets) - 1))
        return octets[:at] + bytes((draw(st.integers(0, 255)),)) + octets[at + 1:]
    return octets


@st.composite
def conversation(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Link frames with `gap` and `cut`, of one or two links of a flow."""
    found: list[dict[str, Any]] = []
    transport = {True: 0, False: 0}
    for _ in range(draw(st.integers(1, 10))):
        outstation = draw(st.sampled_from([10, 10, 10, 11, 1, 0xFFFF]))
        octets, from_master = draw(fragment())
        octets = draw(spoiled(octets))
        addresses = {"destination": outstation, "source": 1} if from_master else {"destination": 1, "source": outstation}
        if draw(st.integers(0, 9)) == 0:
            frames = [frame(draw(st.binary(max_size=3)), control=draw(st.integers(0, 255)), **addresses)]
        else:
            control = 0xC4 if from_master else 0x44
            frames = segments(octets, first=transport[from_master] % 64, size=draw(st.sampled_from([249, 249, 40, 13])), control=control, **addresses)
            transport[from_master] += len(frames)
        for whole in frames:
            fault = draw(st.integers(0, 30))
            if fault == 0:
                continue  # lost on the wire
            if fault == 1:
                at = draw(st.integers(0, len(whole) - 1))
                whole = whole[:at] + bytes((whole[at] ^ 1 << draw(st.integers(0, 7)),)) + whole[at + 1:]
            cut = fault == 2
            if cut:
                whole = whole[:draw(st.integers(0, len(whole) - 1))]
            found.append({"octets": whole, "gap": fault == 3, "cut": cut})
            if fault == 4:
                found.append(dict(found[-1]))
    return found
