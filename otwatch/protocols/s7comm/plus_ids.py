"""The numbers of S7comm-plus that decide what a message does. Their names are in otwatch/protocols/s7comm_plus.

Nothing about it is published. What stands here is what the Wireshark plug-in of T. Wiens, S7CommPlusDriver and captures of S7-1200 and
S7-1500 agree on; an action that is concluded from it rather than read is marked inferred (VALUE_INFERRED).
"""

from __future__ import annotations

from otwatch.actions import Action

ACTIONS: dict[int, Action] = {
    0x04B1: Action.OTHER,
    0x04BB: Action.BROWSE,
    0x04CA: Action.CONFIGURE,
    0x04D4: Action.CONFIGURE,
    0x04F2: Action.CONFIGURE,
    0x04FC: Action.READ,
    0x0506: Action.CONFIGURE,
    0x051A: Action.CONFIGURE,
    0x0524: Action.BROWSE,
    0x0542: Action.WRITE,
    0x054C: Action.READ,
    0x0556: Action.OTHER,
    0x0560: Action.OTHER,
    0x056B: Action.CONTROL,
    0x057C: Action.CONFIGURE,
    0x0586: Action.READ,
    0x0590: Action.BROWSE,
    0x059A: Action.OTHER,
    0x05A9: Action.OTHER,
    0x05B3: Action.CONNECT,
    0x33: Action.REPORT,
    0xFE: Action.REPORT,
    0x14: Action.OTHER,
    0x15: Action.OTHER,
    0x16: Action.CONNECT,
    0x17: Action.OTHER,
}

# Ids of objects, classes and attributes.
PROGRAM, EXECUTION_UNIT = 3, 52
OPERATING_STATE_REQUEST = 2167
STATES = {1: Action.STOP, 3: Action.START}  # values of that attribute
SESSION_CLASS, SESSION_ATTRIBUTES = 287, range(289, 321)
PASSWORD_ATTRIBUTES = frozenset({309, 1825, 1830, 1846, 40400})
SUBSCRIPTION_CLASSES = frozenset({255, 1001, 2662})
SUBSCRIPTION_ATTRIBUTES = range(1001, 1083)
PROGRAM_CLASSES = frozenset({2538, 2547, 2554, 2574, 2578, 2579, 2592, 2610})
CODE_ATTRIBUTES = range(2521, 2593)  # of blocks, their interfaces and their code
