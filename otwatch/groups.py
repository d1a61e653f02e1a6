"""Rows with the same values in several columns, found without a sort over all columns."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

_PRIME: Final = np.uint64(0x9E3779B97F4A7C15)
_SHIFT: Final = np.uint64(29)
_SEED: Final = np.uint64(secrets.randbits(63) | 1)  # what stands in the columns is the sender's choice


def distinct(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The different values, in order. Asked without counts, NumPy loads its masked arrays first: a twentieth of the start of a small analysis."""
    found: npt.NDArray[Any] = np.unique(values, return_counts=True)[0]
    return found


def grouped(columns: Sequence[npt.NDArray[Any]]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(the first row of each group, in the order of rows; the number of the group of each row)."""
    values = [column.astype(np.int64) for column in columns]
    mixed = np.full(len(values[0]), _SEED, np.uint64)
    for column in values:
        mixed = (mixed ^ column.view(np.uint64)) * _PRIME
        mixed ^= mixed >> _SHIFT
    _, first, which = np.unique(mixed, return_index=True, return_inverse=True)
    which = which.reshape(-1)
    if any(bool((column != column[first[which]]).any()) for column in values):  # two that differ were mixed to the same number
        _, first, which = np.unique(np.column_stack(values), axis=0, return_index=True, return_inverse=True)
        which = which.reshape(-1)
    order = np.argsort(first)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return first[order], place[which]


def split(rows: npt.NDArray[np.int64], which: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    """Rows by group, in order of groups, each in the order given."""
    order = np.argsort(which, kind="stable")
    return np.split(rows[order], np.flatnonzero(np.diff(which[order])) + 1)


def rank_among_equals(keys: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """For each key how many equal ones stand before it."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    begins = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    rank = np.empty(len(keys), np.int64)
    rank[order] = np.arange(len(keys)) - np.repeat(begins, np.diff(np.r_[begins, len(keys)]))
    return rank
