"""Connection-oriented DCE/RPC (C706 chapter 12, MS-RPCE), over TCP or a pipe of SMB: interfaces that are bound, and calls that change the host.

A call counts when its response says that it worked. What a call carries is read only where it names what is made, and only in clear text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple
from uuid import UUID

from otwatch.protocols.kit.telling import utf16

Order = Literal["little", "big"]
HEADER: Final = 16
REQUEST, RESPONSE, FAULT, BIND, BIND_ACK, BIND_NAK, ALTER, ALTER_RESPONSE, AUTH3 = 0, 2, 3, 11, 12, 13, 14, 15, 16
_TYPES: Final = frozenset({*range(20)})
_PRIVACY: Final = 6  # of an authentication trailer: the call is encrypted
_OBJECT: Final = 0x80  # of the flags: an object identifier stands before the call
_FIRST: Final = 0x01
_CONTEXTS, _WAITING, _BUFFERED = 64, 64, 65_536


class Interface(NamedTuple):
    """An interface that is named: opnums of its calls that change the host, to (kind of act, name of the call)."""

    name: str
    acts: dict[int, tuple[str, str]]


INTERFACES: Final[dict[UUID, Interface]] = {
    UUID(number): Interface(name, acts)
    for number, name, acts in (
        ("367abb81-9844-35f1-ad32-98f038001003", "svcctl", {
            2: ("service_deleted", "DeleteService"), 11: ("service_changed", "ChangeServiceConfigW"), 12: ("service_created", "CreateServiceW"),
            19: ("service_started", "StartServiceW"), 24: ("service_created", "CreateServiceA"), 31: ("service_started", "StartServiceA"),
            44: ("service_created", "CreateServiceWOW64A"), 45: ("service_created", "CreateServiceWOW64W"),
        }),
        ("1ff70682-0a51-30e8-076d-740be8cee98b", "atsvc", {0: ("task_scheduled", "NetrJobAdd")}),
        ("86d35949-83c9-4044-b424-db363231fd0c", "ITaskSchedulerService", {
            1: ("task_scheduled", "SchRpcRegisterTask"), 12: ("task_started", "SchRpcRun"),
        }),
        ("338cd001-2244-31f1-aaaa-900038001003", "winreg", {
            6: ("registry_changed", "BaseRegCreateKey"), 7: ("registry_changed", "BaseRegDeleteKey"), 8: ("registry_changed", "BaseRegDeleteValue"),
            22: ("registry_changed", "BaseRegSetValue"),
        }),
        ("12345778-1234-abcd-ef00-0123456789ac", "samr", {
            12: ("user_created", "SamrCreateUserInDomain"), 50: ("user_created", "SamrCreateUser2InDomain"),
        }),
        ("12345778-1234-abcd-ef00-0123456789ab", "lsarpc", {}),
        ("e3514235-4b06-11d1-ab04-00c04fc2dcd2", "drsuapi", {3: ("directory_replicated", "DRSGetNCChanges")}),
        ("9556dc99-828c-11cf-a37e-00aa003240c7", "IWbemServices", {
            24: ("wmi_method_called", "ExecMethod"), 25: ("wmi_method_called", "ExecMethodAsync"),
        }),
        ("f309ad18-d86a-11d0-a075-00c04fb68820", "IWbemLevel1Login", {}),
        ("000001a0-0000-0000-c000-000000000046", "IRemoteSCMActivator", {}),
        ("99fcfec4-5260-101b-bbcb-00aa0021347a", "IObjectExporter", {}),
        ("e1af8308-5d1f-11c9-91a4-08002b14a0fa", "epmapper", {}),
        ("4b324fc8-1670-01d3-1278-5a47bf6ee188", "srvsvc", {}),
        ("6bffd098-a112-3610-9833-46c3f87e345a", "wkssvc", {}),
        ("12345678-1234-abcd-ef00-0123456789ab", "spoolss", {}),
        ("12345678-1234-abcd-ef00-01234567cffb", "netlogon", {}),
        ("82273fdc-e32a-18c3-3f78-827929dc23ea", "eventlog", {}),
        ("39c13a4d-011e-11d0-9675-0020afd8adb3", "IOPCServer", {}),
        ("39c13a52-011e-11d0-9675-0020afd8adb3", "IOPCSyncIO", {}),
        ("39c13a54-011e-11d0-9675-0020afd8adb3", "IOPCItemMgt", {}),
        ("39c13a71-011e-11d0-9675-0020afd8adb3", "IOPCAsyncIO2", {}),
        ("13486d50-4821-11d2-a494-3cb306c10000", "IOPCServerList", {}),
        ("9dd0b56c-ad9e-43ee-8305-487f3188bf7a", "IOPCServerList2", {}),
    )
}  # fmt: skip
ACTS: Final = tuple(dict.fromkeys(kind for interface in INTERFACES.values() for kind, _ in interface.acts.values()))


def order_of(octets: bytes, at: int = 0) -> Order:
    """Byte order of the message that begins there."""
    return "little" if octets[at + 4] & 0x10 else "big"


def is_header(octets: bytes, at: int = 0) -> bool:
    """Whether 16 bytes are a header: version 5, type, data representation, lengths."""
    if len(octets) < at + HEADER or octets[at] != 5 or octets[at + 1] > 1 or octets[at + 2] not in _TYPES:
        return False
    if octets[at + 4] not in (0x10, 0x00) or octets[at + 5] or octets[at + 6] or octets[at + 7]:
        return False
    return fragment_length(octets, at) >= HEADER


def fragment_length(octets: bytes, at: int = 0) -> int:
    """Of the message that begins there."""
    return int.from_bytes(octets[at + 8 : at + 10], order_of(octets, at))


@dataclass(slots=True)
class Calls:
    """One connection or pipe: `feed` gives what happens, (kind, value): `rpc_interface` of a bind, a kind of INTERFACES of a call that worked."""

    _contexts: dict[int, UUID] = field(default_factory=dict)
    _waiting: dict[int, tuple[str, str, bool]] = field(default_factory=dict)  # call -> (kind, value, whether it is encrypted)
    _buffers: list[bytes] = field(default_factory=lambda: [b"", b""])

    def feed(self, direction: int, octets: bytes) -> Iterator[tuple[str, str]]:
        """Bytes of a pipe, in any pieces. What is no RPC is dropped."""
        held = self._buffers[direction] + octets
        at = 0
        while len(held) - at >= HEADER and is_header(held, at):
            size = fragment_length(held, at)
            if at + size > len(held):
                break
            yield from self.message(held[at : at + size])
            at += size
        rest = held[at:]
        self._buffers[direction] = rest if len(rest) < _BUFFERED and (len(rest) < HEADER or is_header(rest)) else b""

    def message(self, octets: bytes) -> Iterator[tuple[str, str]]:
        """One whole fragment."""
        if not is_header(octets):
            return
        order, kind = order_of(octets), octets[2]
        call = int.from_bytes(octets[12:16], order)
        if kind in (BIND, ALTER):
            yield from self._bind(octets, order)
        elif kind == REQUEST and octets[3] & _FIRST and len(octets) >= 24:
            self._request(octets, order, call)
        elif kind == FAULT:
            self._waiting.pop(call, None)
        elif kind == RESPONSE and call in self._waiting and octets[3] & 0x02:  # the last fragment holds the result
            act, value, hidden = self._waiting.pop(call)
            if hidden or _privacy(octets, order) or octets[len(octets) - 4 :] == b"\0\0\0\0" or act == "directory_replicated":
                yield act, value

    def _bind(self, octets: bytes, order: Order) -> Iterator[tuple[str, str]]:
        count, at = octets[24] if len(octets) > 24 else 0, 28
        for _ in range(min(count, _CONTEXTS)):
            if at + 24 > len(octets):
                return
            context = int.from_bytes(octets[at : at + 2], order)
            raw = octets[at + 4 : at + 20]
            interface = UUID(bytes_le=raw) if order == "little" else UUID(bytes=raw)
            if len(self._contexts) < _CONTEXTS or context in self._contexts:
                self._contexts[context] = interface
            if interface in INTERFACES:
                yield "rpc_interface", INTERFACES[interface].name
            at += 24 + 20 * octets[at + 2]

    def _request(self, octets: bytes, order: Order, call: int) -> None:
        context, opnum = int.from_bytes(octets[20:22], order), int.from_bytes(octets[22:24], order)
        interface = INTERFACES.get(self._contexts.get(context, UUID(int=0)))
        act = interface.acts.get(opnum) if interface is not None else None
        if act is None or len(self._waiting) >= _WAITING:
            return
        kind, name = act
        hidden = _privacy(octets, order)
        stub = octets[40 if octets[3] & _OBJECT else 24 :]
        named = "" if hidden or order != "little" else _named(name, stub)
        self._waiting[call] = kind, named or name, hidden


def _privacy(octets: bytes, order: Order) -> bool:
    """Whether the call is encrypted: the level in its authentication trailer."""
    size = int.from_bytes(octets[10:12], order)
    at = len(octets) - size - 8
    return bool(size) and at >= HEADER and octets[at + 1] == _PRIVACY


def _named(call: str, stub: bytes) -> str:
    """What a call makes: name and program of a service, path of a task."""
    if call == "CreateServiceW":
        name, at = _string(stub, 20)
        display = int.from_bytes(stub[at : at + 4], "little")
        at += 4
        if display:
            _, at = _string(stub, at)
        program, _ = _string(stub, at + 16)
        return f"{name}: {program}" if name and program else name
    if call == "SchRpcRegisterTask":
        return _string(stub, 4)[0] if stub[:4] != b"\0\0\0\0" else ""
    if call == "SchRpcRun":
        return _string(stub, 0)[0]
    return ""


def _string(stub: bytes, at: int) -> tuple[str, int]:
    """A conformant varying string of 16-bit characters (C706 14.3.4.2), and where what follows it begins."""
    size = int.from_bytes(stub[at + 8 : at + 12], "little")
    end = at + 12 + 2 * size
    if size > 4096 or end > len(stub):
        return "", end
    return utf16(stub[at + 12 : end]), end + 3 & ~3
