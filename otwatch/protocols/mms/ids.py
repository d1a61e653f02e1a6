"""The numbers of OSI session and MMS that decide what a PDU does (ISO 8327-1, ISO 9506-2). Their names are in otwatch/protocols/mms."""

from __future__ import annotations

from otwatch.actions import Action, Role

# Session PDU: role, status.
SESSION: dict[int, tuple[Role, int]] = {
    0x01: (Role.REQUEST, 0), 0x0D: (Role.REQUEST, 0), 0x0E: (Role.RESPONSE, 0),
    0x0C: (Role.RESPONSE, 1), 0x09: (Role.REQUEST, 0), 0x0A: (Role.RESPONSE, 0),
    0x19: (Role.EVENT, 0), 0x1A: (Role.RESPONSE, 0),
}
# MMS PDU by its tag: role, status, action where no service says more.
PDUS: dict[int, tuple[Role, int, Action]] = {
    0xA0: (Role.REQUEST, 0, Action.OTHER), 0xA1: (Role.RESPONSE, 0, Action.OTHER),
    0xA2: (Role.RESPONSE, 1, Action.OTHER), 0xA3: (Role.EVENT, 0, Action.REPORT),
    0xA4: (Role.RESPONSE, 1, Action.OTHER), 0xA5: (Role.REQUEST, 0, Action.OTHER),
    0xA6: (Role.RESPONSE, 0, Action.OTHER), 0xA7: (Role.RESPONSE, 1, Action.OTHER),
    0xA8: (Role.REQUEST, 0, Action.CONNECT), 0xA9: (Role.RESPONSE, 0, Action.CONNECT),
    0xAA: (Role.RESPONSE, 1, Action.CONNECT), 0x8B: (Role.REQUEST, 0, Action.CONNECT),
    0x8C: (Role.RESPONSE, 0, Action.CONNECT), 0xAD: (Role.RESPONSE, 1, Action.CONNECT),
}
# Confirmed services by their tag; from 31 on it takes two bytes.
SERVICES: dict[int, Action] = {
    0: Action.DIAGNOSE, 1: Action.BROWSE, 2: Action.IDENTIFY, 3: Action.CONFIGURE,
    4: Action.READ, 5: Action.WRITE, 6: Action.BROWSE,
    7: Action.CONFIGURE, 9: Action.CONFIGURE,
    11: Action.CONFIGURE, 12: Action.BROWSE,
    13: Action.CONFIGURE, 19: Action.CONTROL, 20: Action.CONTROL,
    26: Action.PROGRAM_DOWNLOAD, 27: Action.PROGRAM_DOWNLOAD,
    28: Action.PROGRAM_DOWNLOAD, 29: Action.PROGRAM_UPLOAD,
    30: Action.PROGRAM_UPLOAD,
    31: Action.PROGRAM_UPLOAD, 36: Action.PROGRAM_DELETE,
    37: Action.BROWSE, 38: Action.CONFIGURE,
    39: Action.PROGRAM_DELETE, 40: Action.START, 41: Action.STOP,
    42: Action.START, 43: Action.RESTART, 44: Action.STOP,
    45: Action.BROWSE, 46: Action.FILE,
    63: Action.ALARM, 64: Action.ALARM, 65: Action.READ,
    72: Action.FILE, 73: Action.FILE, 74: Action.FILE, 75: Action.FILE,
    76: Action.FILE, 77: Action.FILE,
}
