"""The object library and the actions as flat arrays, for the compiled loops. Built once, when the first dissector is made."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from otwatch.protocols.dnp3 import objects, spec
from otwatch.protocols.dnp3.framing import crc_table

CARRIES = 0x80  # bit of `what`: the objects bring their octets along
KNOWN = 0x40  # bit of `functions`: the standard has it
BARE = 0x20  # it takes no objects
SILENT = 0x10  # it is not answered


@cache
def what() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """[function << 8 | group] -> Action, and CARRIES."""
    table = np.zeros((256, 256), np.uint8)
    for function, action in spec.ACTIONS.items():
        table[function] = action
    for (function, group), action in spec.OBJECT_ACTIONS.items():
        table[function, group] = action
    table[:, spec.AUTHENTICATION_GROUP] = spec.ACTIONS[32]
    for function in spec.DATA_FUNCTIONS:
        table[function] |= CARRIES
    for function, group in spec.DATA_OBJECTS:
        table[function, group] |= CARRIES
    table[:, spec.AUTHENTICATION_GROUP] |= CARRIES
    return table.reshape(-1)


@cache
def functions() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """[function] -> KNOWN, BARE, SILENT."""
    table = np.zeros(256, np.uint8)
    for function in spec.FUNCTIONS:
        table[function] = (KNOWN | (BARE if function in spec.NO_OBJECTS else 0) | (SILENT if function in spec.NO_RESPONSE else 0))
    return table


@cache
def sizes() -> np.ndarray[Any, np.dtype[np.int16]]:
    """[group << 8 | variation] -> bits of one object, or a SIZE_ code of the object library."""
    table = np.full((256, 256), objects.SIZE_UNKNOWN, np.int16)
    for group, variation in objects.OBJECTS:
        table[group, variation] = objects.size_bits(group, variation)
    table[0] = objects.SIZE_ATTRIBUTE
    for group in objects.STRING_GROUPS:
        table[group, 1:] = np.arange(8, 8 * 256, 8)
    return table.reshape(-1)


@cache
def groups() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """[group << 8 | variation] -> 1 where the library knows it, variation 0 ("any") included."""
    table = np.zeros((256, 256), np.uint8)
    for group in objects.GROUPS:
        table[group, 0] = 1
    table.reshape(-1)[sizes() != objects.SIZE_UNKNOWN] = 1
    return table.reshape(-1)


@cache
def block_crc() -> np.ndarray[Any, np.dtype[np.uint16]]:
    """[n << 8 | octet] -> what an octet followed by n more contributes to the CRC of a block of at most 16; they add by exclusive or."""
    table = np.zeros((16, 256), np.uint16)
    table[0] = crc_table()
    for after in range(1, 16):
        table[after] = (table[after - 1] >> 8) ^ table[0][table[after - 1] & 0xFF]
    return table.reshape(-1)
