"""The closed vocabulary over all protocols: what an operation does, and which side of a dialogue it is."""

from __future__ import annotations

from enum import IntEnum


class Action(IntEnum):
    """What an operation does to the device, in one word that holds for every protocol."""

    OTHER = 0
    READ = 1
    WRITE = 2  # changes data: registers, tags, data blocks, parameters of the process
    CONTROL = 3  # operates a point: breaker, relay, valve, analog output
    START = 4
    STOP = 5
    RESTART = 6
    PROGRAM_DOWNLOAD = 7  # towards the controller
    PROGRAM_UPLOAD = 8  # out of the controller
    PROGRAM_DELETE = 9
    FIRMWARE = 10
    FORCE = 11
    CONFIGURE = 12  # changes how the device works or talks: classes, unsolicited, parameters of communication
    TIME_SET = 13
    FILE = 14
    IDENTIFY = 15
    DIAGNOSE = 16
    BROWSE = 17
    SUBSCRIBE = 18
    ALARM = 19
    AUTHENTICATE = 20
    CONNECT = 21
    REPORT = 22  # unsolicited data from the device
    ENCRYPTED = 23  # what only its two ends can read


class Role(IntEnum):
    """Which side of a dialogue a PDU is, decided by the protocol's own content and not by who opened the connection."""

    REQUEST = 0
    RESPONSE = 1
    EVENT = 2  # sent by a device unasked


# Actions that change what a controller does: what "commands" means in rules, inventory and reports.
CHANGING: frozenset[Action] = frozenset({
    Action.WRITE, Action.CONTROL, Action.START, Action.STOP, Action.RESTART, Action.PROGRAM_DOWNLOAD, Action.PROGRAM_DELETE,
    Action.FIRMWARE, Action.FORCE, Action.CONFIGURE, Action.TIME_SET,
})

# Actions of an engineering station: programs, firmware, modes.
ENGINEERING: frozenset[Action] = frozenset({
    Action.START, Action.STOP, Action.RESTART, Action.PROGRAM_DOWNLOAD, Action.PROGRAM_UPLOAD, Action.PROGRAM_DELETE,
    Action.FIRMWARE, Action.FORCE,
})

# What a person would call the same kind of thing: what a baseline remembers, and what "it never did that before" compares.
VERBS: dict[Action, str] = {
    **dict.fromkeys((Action.READ, Action.SUBSCRIBE, Action.REPORT), "read"),
    **dict.fromkeys((Action.IDENTIFY, Action.DIAGNOSE, Action.BROWSE), "look"),
    **dict.fromkeys((Action.WRITE, Action.CONTROL, Action.FORCE), "write"),
    **dict.fromkeys((Action.CONFIGURE, Action.TIME_SET), "configure"),
    **dict.fromkeys((Action.START, Action.STOP, Action.RESTART), "mode"),
    **dict.fromkeys((Action.PROGRAM_DOWNLOAD, Action.PROGRAM_UPLOAD, Action.PROGRAM_DELETE, Action.FIRMWARE, Action.FILE), "program"),
    **dict.fromkeys((Action.CONNECT, Action.AUTHENTICATE, Action.ALARM, Action.ENCRYPTED, Action.OTHER), "session"),
}
