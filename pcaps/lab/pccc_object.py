"""The PCCC object (class 0x67) of a PLC with data files, for the server of cm-ethernetip: what SLC 5/05 and MicroLogix answer (1770-6.5.16)."""
# mypy: ignore-errors

from __future__ import annotations

import struct

from ethernetip.cip.cip_class import CipClass
from ethernetip.cip.service import CipServiceDefinition, CipServiceResponse

LADDER = 0x22
# (file number, type code): bytes of an element. Program file 2, the main ladder, has a type of its own.
FILES = {(0, 0x8B): 2, (1, 0x8C): 2, (2, 0x84): 2, (3, 0x85): 2, (4, 0x86): 6, (5, 0x87): 6, (7, 0x89): 2, (8, 0x8A): 4, (2, LADDER): 2}
NO_ACCESS, NO_FUNCTION, BAD_ADDRESS, EDITED = 0x0B, 0x10, 0x50, 0x0C
PROGRAM = bytes(range(256)) * 2


class Refused(Exception):
    """STS of the answer."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Pccc:
    """Executes PCCC: service 0x4B, requestor id, command."""

    def __init__(self) -> None:
        self.files = {file: bytearray(64 * size) for file, size in FILES.items()}
        self.files[2, LADDER][:] = bytes(range(128))
        self.running = True
        self.owner = b""  # of the edit resource
        self.cip_class = CipClass(0x67, "PCCC")
        self.cip_class.create_instance(1)
        self.cip_class.add_instance_service(CipServiceDefinition(0x4B, "Execute_PCCC", self.execute))

    def execute(self, _instance, request) -> CipServiceResponse:
        data = request.data
        requestor, pccc = data[: data[0]], data[data[0] :]
        command, _, transaction = struct.unpack_from("<BBH", pccc)
        status, answer = 0, b""
        try:
            answer = self.command(command, pccc[4] if len(pccc) > 4 else 0, pccc[5:], requestor)
        except Refused as refused:
            status = refused.status
        return CipServiceResponse.success(0x4B, requestor + struct.pack("<BBH", command | 0x40, status, transaction) + answer)

    def command(self, command: int, function: int, rest: bytes, requestor: bytes) -> bytes:
        if command == 0x06 and function == 0x03:
            return bytes((0x00, 0xEE, 0x5B, 0x34, 0x05)) + b"5/05".ljust(11) + bytes((0, 0, 1 if self.running else 6, 0, 0x20, 0, 0xFC, 0x04))
        if command == 0x06 and function == 0x00:
            return rest
        if command != 0x0F:
            raise Refused(NO_FUNCTION)
        if function in (0xA1, 0xA2, 0xA9, 0xAA, 0xAB):
            return self.typed(function, rest)
        if function == 0x80:
            self.running = rest[0] in (0x06, 0x07, 0x08)
            return b""
        if function == 0x11:
            if self.owner and self.owner != requestor:
                raise Refused(EDITED)
            self.owner = requestor
            return b""
        if function == 0x12:
            self.owner = b""
            return b""
        raise Refused(NO_FUNCTION)

    def typed(self, function: int, rest: bytes) -> bytes:
        """Protected typed logical read (A1, A2), write (A9, AA) and masked write (AB): size, file, type, element, sub-element."""
        size, rest = rest[0], rest[1:]
        fields = []
        for _ in range(4 if function in (0xA2, 0xAA, 0xAB) else 3):
            if len(fields) == 1:  # the type is one byte, always
                fields.append(rest[0])
                rest = rest[1:]
            elif rest[0] == 0xFF:
                fields.append(struct.unpack_from("<H", rest, 1)[0])
                rest = rest[3:]
            else:
                fields.append(rest[0])
                rest = rest[1:]
        number, kind, element = fields[:3]
        if function == 0xA1 and number == 0:  # the directory of files is file 0 of another type
            return (PROGRAM * 8)[2 * element : 2 * element + size]
        if (number, kind) not in FILES:
            raise Refused(BAD_ADDRESS)
        if kind == LADDER and function not in (0xA1, 0xA2) and self.running:
            raise Refused(NO_FUNCTION)
        at = element * FILES[number, kind] + 2 * (fields[3] if len(fields) > 3 else 0)
        data = self.files[number, kind]
        if at + size > len(data):
            raise Refused(BAD_ADDRESS)
        if function in (0xA1, 0xA2):
            return bytes(data[at : at + size])
        if function == 0xAB:
            mask, rest = int.from_bytes(rest[:2], "little"), rest[2:]
            old = int.from_bytes(data[at : at + 2], "little")
            rest = (old & ~mask | int.from_bytes(rest[:2], "little") & mask).to_bytes(2, "little")
        data[at : at + len(rest)] = rest
        return b""
