"""Which of several processes gets a packet: a BPF program for the kernel's fanout groups (PACKET_FANOUT_CBPF, packet(7)), Linux 4.3 and newer.

Everything between two addresses goes to one process: both directions, every connection, every fragment, with and without VLAN tags. So a pair
that is known today is known tomorrow, whatever ports it uses; the kernel's own hash goes by ports. What is not IP goes to the first process, ARP
as a whole among it. Tunnels go by their outer addresses.
"""

from __future__ import annotations

import struct

_TAGS = (0x8100, 0x88A8, 0x9100)  # VLAN tags left in the packet; the kernel has taken off the outermost
_DEEPEST = 2  # tags that are looked through
_IPV4, _IPV6 = 0x0800, 0x86DD

# linux/filter.h: loads beyond the packet's start; linux/bpf_common.h: instructions
_NETWORK, _PROTOCOL = -0x10_0000, -0x1000
_LOAD_WORD, _LOAD_HALF, _TO_X, _XOR_X, _MULTIPLY, _SHIFT_RIGHT, _EQUAL, _RETURN, _RETURN_A = 0x20, 0x28, 0x07, 0xAC, 0x24, 0x74, 0x15, 0x06, 0x16
_SPREAD = 0x9E37_79B1  # 2^32 by the golden ratio: neighbours among addresses go to different processes

_Instruction = tuple[int, int, int, int]


def fanout_program() -> bytes:
    """The program as an array of struct sock_filter; the kernel takes its answer modulo the number of processes."""
    program: list[_Instruction] = [(_LOAD_WORD, 0, 0, _PROTOCOL)]
    for depth in range(_DEEPEST + 1):
        at = _NETWORK + 4 * depth
        for kind, words in ((_IPV4, range(12, 20, 4)), (_IPV6, range(8, 40, 4))):
            answer = _pair(at, words)
            program += [(_EQUAL, 0, len(answer), kind), *answer]
        if depth < _DEEPEST:
            program += [(_EQUAL, len(_TAGS) - number, 0, tag) for number, tag in enumerate(_TAGS)]
            program += [(_RETURN, 0, 0, 0), (_LOAD_HALF, 0, 0, at + 2)]
    program.append((_RETURN, 0, 0, 0))
    return b"".join(struct.pack("=HBBI", code, yes, no, value & 0xFFFF_FFFF) for code, yes, no, value in program)


def _pair(at: int, words: range) -> list[_Instruction]:
    """Both addresses, mixed in a way that does not tell them apart."""
    first, *others = words
    program: list[_Instruction] = [(_LOAD_WORD, 0, 0, at + first)]
    for word in others:
        program += [(_TO_X, 0, 0, 0), (_LOAD_WORD, 0, 0, at + word), (_XOR_X, 0, 0, 0)]
    return [*program, (_MULTIPLY, 0, 0, _SPREAD), (_SHIFT_RIGHT, 0, 0, 16), (_RETURN_A, 0, 0, 0)]
