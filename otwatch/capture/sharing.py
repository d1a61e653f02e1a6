"""Which of several processes gets a packet: a BPF program in front of each one's capture filter (SO_ATTACH_FILTER, Linux 3.7 and newer).

Everything between two addresses goes to one process: both directions, every connection, every fragment, with and without VLAN tags. So a pair
that is known today is known tomorrow, whatever ports it uses. What is not IP goes to the first process, ARP as a whole among it, and so does what
is too short for its header. Tunnels go by their outer addresses.

The kernel's own fanout groups would run the program once for all processes, but a socket in a group cannot be bound again: an interface that is
made anew under its name would be lost until a restart.
"""

from __future__ import annotations

import struct

_TAGS = (0x8100, 0x88A8, 0x9100)  # VLAN tags left in the packet; the kernel has taken off the outermost
_DEEPEST = 2  # tags that are looked through
_IPV4, _IPV6 = 0x0800, 0x86DD
_ETHERNET = 14  # octets before the network header; on links without one, only the shortest packets are taken for too short

# linux/filter.h: loads beyond the packet's start; linux/bpf_common.h: instructions
_NETWORK, _PROTOCOL = -0x10_0000, -0x1000
_LOAD_WORD, _LOAD_HALF, _LOAD_LENGTH, _LOAD_ZERO = 0x20, 0x28, 0x80, 0x00
_TO_X, _XOR_X, _MULTIPLY, _SHIFT_RIGHT, _MODULO = 0x07, 0xAC, 0x24, 0x74, 0x94
_JUMP, _EQUAL, _AT_LEAST, _RETURN = 0x05, 0x15, 0x35, 0x06
_SPREAD = 0x9E37_79B1  # 2^32 by the golden ratio: neighbours among addresses go to different processes
_TO_ANSWER = -1  # the operand of a jump whose distance is not known yet

_Instruction = tuple[int, int, int, int]


def sharing_program(number: int, processes: int, accepted: bytes) -> bytes:
    """An array of struct sock_filter: `accepted` decides on the packets of process `number`, counted from 0; all others are refused."""
    program: list[_Instruction] = [(_LOAD_WORD, 0, 0, _PROTOCOL)]
    for depth in range(_DEEPEST + 1):
        at = 4 * depth
        for kind, words in ((_IPV4, range(12, 20, 4)), (_IPV6, range(8, 40, 4))):
            answer = [*_long_enough(at + words.stop), *_pair(_NETWORK + at, words)]
            program += [(_EQUAL, 0, len(answer), kind), *answer]
        if depth < _DEEPEST:
            program += [(_EQUAL, len(_TAGS) - place - 1 + len(_FIRST), 0, tag) for place, tag in enumerate(_TAGS)]
            program += [*_FIRST, *_long_enough(at + 4), (_LOAD_HALF, 0, 0, _NETWORK + at + 2)]
    program.append((_LOAD_ZERO, 0, 0, 0))
    end = len(program)
    program = [
        (_JUMP, 0, 0, end - place - 1) if instruction == (_JUMP, 0, 0, _TO_ANSWER) else instruction for place, instruction in enumerate(program)
    ]
    program += [(_MODULO, 0, 0, processes), (_EQUAL, 1, 0, number), (_RETURN, 0, 0, 0)]
    return b"".join(struct.pack("=HBBI", code, yes, no, value & 0xFFFF_FFFF) for code, yes, no, value in program) + accepted


_FIRST: list[_Instruction] = [(_LOAD_ZERO, 0, 0, 0), (_JUMP, 0, 0, _TO_ANSWER)]


def _long_enough(octets: int) -> list[_Instruction]:
    """A load beyond the packet's end would refuse it, for all processes: what is shorter is the first one's."""
    return [(_LOAD_LENGTH, 0, 0, 0), (_AT_LEAST, len(_FIRST), 0, _ETHERNET + octets), *_FIRST]


def _pair(at: int, words: range) -> list[_Instruction]:
    """Both addresses, mixed in a way that does not tell them apart."""
    first, *others = words
    program: list[_Instruction] = [(_LOAD_WORD, 0, 0, at + first)]
    for word in others:
        program += [(_TO_X, 0, 0, 0), (_LOAD_WORD, 0, 0, at + word), (_XOR_X, 0, 0, 0)]
    return [*program, (_MULTIPLY, 0, 0, _SPREAD), (_SHIFT_RIGHT, 0, 0, 16), (_JUMP, 0, 0, _TO_ANSWER)]
