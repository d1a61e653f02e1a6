"""Names and headers of program blocks."""

from __future__ import annotations

import struct

from otwatch.protocols.s7comm.blocks import block_digest, block_text, block_time, child_name, parse_block, parse_name

CODE = b"\x65\x00\x65\x00"
HEADER = struct.pack(">2sBBBBHII6s6sHHHH", b"pp", 1, 1, 1, 8, 1, 36 + 4 + 36, 0, b"\x03\xaf\x74\x37\x2d\x70", b"\0\0\0\0\x2d\x70", 0, 0, 20, 4)
FOOTER = b"MILLER".ljust(8, b"\0") + b"PUMPS".ljust(8, b"\0") + b"MAIN".ljust(8, b"\0") + b"\x12\0\x76\xe6" + bytes(8)
BLOCK = HEADER + CODE + FOOTER


def test_names() -> None:
    assert parse_name(b"0800001P") == (8, 1)
    assert parse_name(b"0A65535A") == (10, 65535)
    for wrong in (b"", b"0800X01P", b"1800001P", b"0Z00001P", b"0700001P", b"\xb2" * 8):
        assert parse_name(wrong) == (-1, -1)


def test_header_and_footer() -> None:
    block = parse_block(BLOCK)
    assert block is not None
    assert (block.kind, block.number, block.language, block.linked) == (8, 1, 1, True)
    assert (block.load_bytes, block.code_bytes, block.local_bytes) == (76, 4, 20)
    assert (block.author, block.family, block.name, block.version, block.checksum) == ("MILLER", "PUMPS", "MAIN", "1.2", 0x76E6)
    assert block.code_time == "2015-11-06T17:10:30.199"
    assert block_text(BLOCK, 8, 1).endswith("author=MILLER family=PUMPS name=MAIN version=1.2 checksum=0x76e6")


def test_every_prefix_is_read_or_refused() -> None:
    for length in range(len(BLOCK)):
        block = parse_block(BLOCK[:length])
        assert (block is None) == (length < 36)
        assert block is None or block.author == ""
    assert parse_block(b"no" + BLOCK[2:]) is None


def test_the_digest_leaves_the_dates_out() -> None:
    later = bytearray(BLOCK)
    later[16:28] = bytes(range(12))
    assert block_digest(bytes(later)) == block_digest(BLOCK)
    later[36] ^= 1
    assert block_digest(bytes(later)) != block_digest(BLOCK)


def test_times_and_children() -> None:
    assert block_time(b"\xff\xff\xff\xff\xff\xff").startswith("2163")
    assert (child_name(0x22), child_name(-1)) == ("rack 1 slot 2", "")
