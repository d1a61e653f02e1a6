# cython: boundscheck=True, wraparound=False, cdivision=True, nonecheck=True
"""Userdata PDUs: function groups for programmers, cyclic reading, blocks, CPU (SZL, alarms), security, block communication, clock."""

from __future__ import annotations

from typing import Any

import cython

from otwatch.limits import Limits
from otwatch.protocols.s7comm.spec import GROUP_ACTIONS, SUBFUNCTIONS
from otwatch.protocols.s7comm.state import Conversation, Message, Request
from otwatch.tables import Operations


class Userdata:
    """Reads the head of userdata parameters and hands the data to their group."""

    def __init__(self, dissector: Any, limits: Limits) -> None:
        self.dissector = dissector
        self.limits = limits

    def feed(self, message: Message) -> cython.int:
        """One userdata PDU: 00 01 12, length, method, type and group, subfunction, sequence; answers: unit, last, error code."""
        at: cython.Py_ssize_t = message.parameters
        if message.parameters_end - at < 8:
            message.odd(10, at, 8, message.parameters_end - at)
            return 0
        kind: cython.int = message.data[at + 5] >> 6
        group: cython.int = message.data[at + 5] & 0x3F
        subfunction: cython.int = message.data[at + 6]
        message.role = 2 if kind == 0 else 0 if kind == 1 else 1
        known = SUBFUNCTIONS.get((group, subfunction))
        row: cython.Py_ssize_t = message.row(group, int(known.action if known else GROUP_ACTIONS.get(group, 0)))
        operations: Operations = message.operations
        operations.subfunction[row] = subfunction
        return 0
