# cython: boundscheck=True, wraparound=False, cdivision=True, nonecheck=True
"""Program blocks down and up (0x1A..0x1F), services called by name (0x28) and PLC stop (0x29).

In a download it is the PLC that asks for the block's bytes: the client's 0x1A is answered, then the PLC sends the jobs 0x1B and 0x1C and
the client's answers carry the block. So a row's role is that of its PDU, and who moved the block is in the rows of 0x1A and 0x1D.
"""

from __future__ import annotations

import cython

from otwatch.protocols.s7comm.blocks import Transfer, block_fact, parse_name
from otwatch.protocols.s7comm.services import SERVICES, UNKNOWN, WITH_BLOCKS, service_of, service_within
from otwatch.protocols.s7comm.spec import Anomaly
from otwatch.protocols.s7comm.state import Conversation, Message, Request
from otwatch.tables import Operations

_PARAMETER_SHORT = cython.declare(cython.int, Anomaly.PARAMETER_SHORT)
_DATA_SHORT = cython.declare(cython.int, Anomaly.DATA_SHORT)
_BLOCK_NAME = cython.declare(cython.int, Anomaly.BLOCK_NAME)
_BLOCK_SIZE = cython.declare(cython.int, Anomaly.BLOCK_SIZE)
_TRANSFERS_FORGOTTEN = cython.declare(cython.int, Anomaly.TRANSFERS_FORGOTTEN)
_REQUEST_DOWNLOAD, _DOWNLOAD_BLOCK, _DOWNLOAD_ENDED, _START_UPLOAD, _UPLOAD, _END_UPLOAD = 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F
_DOWNLOAD, _UPLOADS = 7, 8  # Action.PROGRAM_DOWNLOAD, PROGRAM_UPLOAD
_PI_KIND, _FILENAME_KIND, _BLOCK_BYTES_KIND = 0x200, 0x201, 0x20F
_ACTIONS = [int(service.action) for service in SERVICES]


class Transfers:
    """The functions that move and switch programs. What is in transfer is kept in the conversation."""

    def __init__(self, open_limit: cython.int, bytes_limit: cython.longlong) -> None:
        self.open_limit = open_limit
        self.bytes_limit = bytes_limit

    def name_row(self, message: Message, function: cython.int, action: cython.int, at: cython.Py_ssize_t,
                 end: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """A row with the block that a file name of the wire (`_0800001P`, or a Sinumerik path) stands for."""
        operations: Operations = message.operations
        row: cython.Py_ssize_t = message.row(function, action)
        operations.value_kind[row] = _FILENAME_KIND
        operations.value_at[row] = at
        operations.value_length[row] = end - at
        if end - at == 9 and (message.data[at] == 0x5F or message.data[at] == 0x24):  # "_" whole block, "$" its header
            kind, number = parse_name(message.text(at + 1, end))
            if kind < 0:
                message.odd(_BLOCK_NAME, at, 9, end - at)
            operations.area[row] = kind
            operations.object[row] = number
        return row

    def job(self, message: Message) -> cython.int:
        """One of 0x1A..0x1F as request."""
        request: Request = message.request
        conversation: Conversation = message.conversation
        operations: Operations = message.operations
        function: cython.int = request.function
        action: cython.int = _DOWNLOAD if function <= _DOWNLOAD_ENDED else _UPLOADS
        at: cython.Py_ssize_t = message.parameters
        end: cython.Py_ssize_t = message.parameters_end
        named: cython.int = function not in (_UPLOAD, _END_UPLOAD)
        name_end: cython.Py_ssize_t = end
        row: cython.Py_ssize_t
        identity: cython.longlong = message.u32(at + 4) if end - at >= 8 else -1
        if end - at < (9 if named else 8):
            message.odd(_PARAMETER_SHORT, at, 9 if named else 8, end - at)
            message.row(function, action)
            return 0
        if conversation.transfers is None:
            conversation.transfers = {}
        transfers = conversation.transfers
        if named:
            name_end = at + 9 + message.data[at + 8]
            if name_end > end:
                message.odd(_PARAMETER_SHORT, at + 8, name_end - at, end - at)
                name_end = end
            row = self.name_row(message, function, action, at + 9, name_end)
            key = ("down", message.text(at + 9, name_end))
            request.add(0, operations.area[row], operations.object[row], -1, -1, 0)
            if function == _REQUEST_DOWNLOAD:
                if name_end + 14 <= end:  # length 13, "1", load memory bytes and MC7 bytes as six digits each
                    load = message.text(name_end + 2, name_end + 8)
                    code = message.text(name_end + 8, name_end + 14)
                    if load.isdigit() and code.isdigit():
                        operations.count[row] = int(load)
                        operations.start[row] = int(code)
                self.open(message, key, Transfer(operations.area[row], operations.object[row], operations.count[row], True))
            elif function == _START_UPLOAD:
                request.cells[3] = 0
        else:
            key = ("up", identity)
            transfer = transfers.get(key)
            row = message.row(function, action)
            if transfer is not None:
                operations.area[row] = transfer.area
                operations.object[row] = transfer.number
                request.add(0, transfer.area, transfer.number, -1, -1, 0)
            else:
                request.add(0, -1, -1, -1, -1, 0)
            request.cells[3] = identity
        if function in (_DOWNLOAD_ENDED, _END_UPLOAD):
            operations.status[row] = message.u16(at + 2)  # the error code that the end of a transfer reports
            self.close(message, key)
        return 0

    def open(self, message: Message, key: tuple[str, object], transfer: Transfer) -> None:
        """Remembers a transfer; the oldest makes room."""
        transfers = message.conversation.transfers
        if key not in transfers and len(transfers) >= self.open_limit:
            message.drop(len(transfers.pop(next(iter(transfers))).content))
            message.odd(_TRANSFERS_FORGOTTEN, message.parameters, self.open_limit, self.open_limit + 1)
        before = transfers.pop(key, None)
        if before is not None:
            message.drop(len(before.content))
        transfers[key] = transfer

    def close(self, message: Message, key: tuple[str, object]) -> None:
        """A transfer is over: its block becomes a fact about the PLC, unless it was told already or nothing of it was seen."""
        transfers = message.conversation.transfers
        transfer = transfers.pop(key, None) if transfers is not None else None
        if transfer is not None:
            message.drop(len(transfer.content))
        if transfer is None or not transfer.content or transfer.told:
            return
        if not transfer.down and 0 <= transfer.announced != len(transfer.content):
            message.odd(_BLOCK_SIZE, message.parameters, transfer.announced, len(transfer.content))
        block_fact(message, transfer)

    def answer(self, message: Message) -> cython.int:
        """One of 0x1A..0x1F as answer; 0x1B and 0x1E carry the block's bytes after a length and two bytes 00 FB."""
        request: Request = message.request
        operations: Operations = message.operations
        at: cython.Py_ssize_t = message.parameters
        end: cython.Py_ssize_t = message.parameters_end
        function: cython.int = message.data[at] if at < end else request.function
        row: cython.Py_ssize_t = message.row(function, _DOWNLOAD if function <= _DOWNLOAD_ENDED else _UPLOADS)
        key: tuple[str, object] = ("", 0)
        transfer = None
        if message.conversation.transfers is None:
            message.conversation.transfers = {}
        if request is not None and request.items and request.function == function:
            operations.area[row] = request.cells[1]
            operations.object[row] = request.cells[2]
        if message.status != 0:
            return 0
        if function == _START_UPLOAD:
            if end - at < 8:
                message.odd(_PARAMETER_SHORT, at, 8, end - at)
                return 0
            announced: cython.longlong = -1
            if end - at >= 9:  # the block's length as digits after a length byte
                digits = message.text(at + 9, min(end, at + 9 + message.data[at + 8]))
                if digits.isdigit():
                    announced = int(digits)
            operations.count[row] = announced
            operations.start[row] = message.u32(at + 4)
            transfer = Transfer(operations.area[row], operations.object[row], announced, False)
            self.open(message, ("up", message.u32(at + 4)), transfer)
            return 0
        if (function not in (_DOWNLOAD_BLOCK, _UPLOAD)) or message.values >= message.end:
            return 0
        if message.end - message.values < 4:
            message.odd(_DATA_SHORT, message.values, 4, message.end - message.values)
            return 0
        length: cython.Py_ssize_t = message.u16(message.values)
        first: cython.Py_ssize_t = message.values + 4
        if first + length > message.end:
            message.odd(_DATA_SHORT, message.values, length, message.end - first)
            length = message.end - first
        operations.count[row] = length
        operations.value_kind[row] = _BLOCK_BYTES_KIND
        operations.value_at[row] = first
        operations.value_length[row] = length
        if request is not None:
            if function == _UPLOAD and request.items:
                key = ("up", request.cells[3])
            elif function == _DOWNLOAD_BLOCK:
                key = ("down", request_name(message, request))
            transfer = message.conversation.transfers.get(key)
        if transfer is not None:
            if transfer.told or len(transfer.content) + length > self.bytes_limit or not message.hold(length):
                if not transfer.told:
                    message.odd(_BLOCK_SIZE, message.values, self.bytes_limit, len(transfer.content) + length)
                transfer.told = True  # what is not whole has no digest
                message.drop(len(transfer.content))
                transfer.content.clear()
            else:
                transfer.content += message.text(first, first + length)
                transfer.by = message.pdus.source[message.pdu] if transfer.down else message.pdus.destination[message.pdu]
        return 0

    def invoke(self, message: Message) -> cython.int:
        """PI service: seven fixed bytes, the argument with a 16-bit length, the service's name with an 8-bit length."""
        operations: Operations = message.operations
        request: Request = message.request
        at: cython.Py_ssize_t = message.parameters + 8
        end: cython.Py_ssize_t = message.parameters_end
        row: cython.Py_ssize_t
        if at + 2 > end:
            message.odd(_PARAMETER_SHORT, at, 2, end - at)
            message.row(0x28, 0)
            return 0
        name_at: cython.Py_ssize_t = at + 2 + message.u16(at)
        name: bytes = b""
        stop: cython.Py_ssize_t = end
        if name_at < end:
            stop = name_at + 1 + message.data[name_at]
            if stop > end:
                message.odd(_PARAMETER_SHORT, name_at, stop - name_at, end - name_at)
                stop = end
            name = message.text(name_at + 1, stop)
        else:
            message.odd(_PARAMETER_SHORT, at, name_at + 1 - at, end - at)
            name_at = end
        number: cython.int = service_of(name, message.text(at + 2, min(name_at, at + 4)))
        if number == UNKNOWN:  # lengths that do not fit must not hide what is called
            number = service_within(message.text(message.parameters, end))
        request.subfunction = number
        request.action = _ACTIONS[number]
        blocks: cython.int = 0
        i: cython.int
        if number in WITH_BLOCKS and name_at - at >= 4:  # how many, a zero, then names of eight characters
            blocks = message.data[at + 2]
            if at + 4 + 8 * blocks > name_at:
                message.odd(_PARAMETER_SHORT, at + 2, 4 + 8 * blocks, name_at - at)
                blocks = (name_at - at - 4) // 8
        for i in range(max(1, blocks)):
            row = message.row(0x28, request.action)
            operations.subfunction[row] = number
            operations.value_kind[row] = _PI_KIND
            operations.value_at[row] = at
            operations.value_length[row] = stop - at
            operations.item[row] = i
            if i < blocks:
                kind, block = parse_name(message.text(at + 4 + 8 * i, at + 12 + 8 * i))
                if kind < 0:
                    message.odd(_BLOCK_NAME, at + 4 + 8 * i, 8, 8)
                operations.area[row] = kind
                operations.object[row] = block
                request.add(i, kind, block, -1, -1, 0)
        return 0

    def stop(self, message: Message) -> cython.int:
        """PLC stop: five fixed bytes, then P_PROGRAM with a length byte."""
        operations: Operations = message.operations
        at: cython.Py_ssize_t = message.parameters + 6
        end: cython.Py_ssize_t = message.parameters_end
        row: cython.Py_ssize_t = message.row(0x29, 5)
        if at >= end:
            message.odd(_PARAMETER_SHORT, message.parameters, 7, end - message.parameters)
            return 0
        stop: cython.Py_ssize_t = at + 1 + message.data[at]
        if stop > end:
            message.odd(_PARAMETER_SHORT, at, stop - at, end - at)
            stop = end
        operations.value_kind[row] = 0x20D
        operations.value_at[row] = at + 1
        operations.value_length[row] = stop - at - 1
        return 0


def request_name(message: Message, request: Request) -> bytes:
    """The file name of the download that a 0x1B asked for: the open download of the same block."""
    for (way, name), transfer in message.conversation.transfers.items():
        if way == "down" and request.items and transfer.area == request.cells[1] and transfer.number == request.cells[2]:
            return bytes(name)
    return b""
