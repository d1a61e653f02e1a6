"""EtherNet/IP devices: a Logix controller, a PLC with data files (PCCC) and a remote I/O block, by cm-ethernetip.

    python enip_server.py HOST      (inside the host's namespace)

The stack brings encapsulation, connections, I/O, identity, tags and templates. What it lacks is added here as objects of it: the clock (class
0x8B), the controller's mode (0x8E, of Rockwell), settable network parameters (0xF5) and the PCCC object (0x67). Prints `ready` once it listens.
"""
# mypy: ignore-errors

from __future__ import annotations

import asyncio
import struct
import sys
import time

from ethernetip.cip.attribute import AttributeAccess, CipAttribute
from ethernetip.cip.cip_class import CipClass
from ethernetip.cip.data_types import CipDataType
from ethernetip.cip.identity_info import IdentityInfo
from ethernetip.cip.service import CipServiceDefinition, CipServiceResponse
from ethernetip.device.virtual_device import VirtualDevice
from ethernetip.logix import data_types as dt
from ethernetip.logix.logix_dispatcher import LogixDispatcher
from ethernetip.logix.tag_database import TemplateMember
from hosts import HOSTS
from pccc_object import Pccc
from process import level, ready

ROCKWELL, PLC, ADAPTER = 1, 0x0E, 0x0C
IDENTITIES = {
    "plc-cip": IdentityInfo(ROCKWELL, PLC, 92, 32, 11, 0x00C0FFEE, "1756-L71/B LOGIX5571", 0x3060),
    "plc-slc": IdentityInfo(ROCKWELL, PLC, 28, 3, 46, 0x005EED05, "1747-L553/C C/10 - DC 3.46", 0x0060),
    "rio": IdentityInfo(ROCKWELL, ADAPTER, 196, 6, 12, 0x0010B10C, "1734-AENTR/B Ethernet Adapter", 0x0030),
}
GET_SET = AttributeAccess.GET_SINGLE | AttributeAccess.GET_ALL | AttributeAccess.SET_SINGLE


def accept(_instance, request) -> CipServiceResponse:
    """A service that is carried out and has no answer but its success."""
    return CipServiceResponse.success(request.service_code)


def clock() -> CipClass:
    """Class 0x8B: attribute 6, microseconds since 1970, by attribute lists."""
    found = CipClass(0x8B, "Wall Clock Time")
    found.add_standard_instance_services()
    found.create_instance(1).add_attribute(CipAttribute(6, CipDataType.ULINT, GET_SET, bytes(8)))
    offset = [0]

    def get(_instance, request) -> CipServiceResponse:
        now = int(time.time() * 1e6) + offset[0]
        return CipServiceResponse.success(request.service_code, struct.pack("<HHHQ", 1, 6, 0, now))

    def put(_instance, request) -> CipServiceResponse:
        offset[0] = struct.unpack_from("<Q", request.data, 4)[0] - int(time.time() * 1e6)
        return CipServiceResponse.success(request.service_code, struct.pack("<HHH", 1, 6, 0))

    found.add_instance_service(CipServiceDefinition(0x03, "Get_Attribute_List", get))
    found.add_instance_service(CipServiceDefinition(0x04, "Set_Attribute_List", put))
    return found


def mode() -> CipClass:
    """Class 0x8E of Rockwell: run, program, lock and unlock of the controller."""
    found = CipClass(0x8E, "Controller")
    found.create_instance(1)
    for service in (0x06, 0x07, 0x4B, 0x4C):
        found.add_instance_service(CipServiceDefinition(service, f"{service:#x}", accept))
    return found


def settable(device: VirtualDevice) -> None:
    """Interface configuration and host name can be set over the network."""
    instance = device.dispatcher.get_class(0xF5).get_instance(1)
    for number, data in ((5, instance.get_attribute(5).data), (6, struct.pack("<H", 3) + b"plc\0")):
        instance.add_attribute(CipAttribute(number, CipDataType.BYTE, GET_SET, bytes(data)))


def controller(device: VirtualDevice) -> None:
    """Tags of a boiler house, behind the dispatcher that the stack has for Logix."""
    logix = LogixDispatcher(identity=device.identity)
    tags = logix.tags
    pump = tags.add_template("Pump", TemplateMember("Speed", dt.REAL), TemplateMember("Hours", dt.DINT), TemplateMember("State", dt.INT))
    for name in ("BoilerTemperature", "SteamPressure", "FeedFlow"):
        tags.add_tag(name, dt.REAL)
    tags.add_tag("TemperatureSetpoint", dt.REAL).write_real(0, 72.5)
    tags.add_tag("ValveCommand", dt.DINT)
    tags.add_tag("Recipe", dt.DINT, 300)
    tags.add_struct_tag("Pump1", pump)
    templates(logix)
    for made in device.dispatcher.registered_classes.values():
        logix.register_class(made)
    device.dispatcher = logix
    device.connection_manager.dispatch_request = logix.dispatch
    device.dispatcher.register_class(clock())
    device.dispatcher.register_class(mode())
    device.tags = tags


def templates(logix: LogixDispatcher) -> None:
    """Structures as Logix gives them (1756-PM020): offset, then length; the size of a definition counts 23 bytes that are not there."""
    made = logix.get_class(0x6C)

    def read(instance, request) -> CipServiceResponse:
        start, length = struct.unpack_from("<IH", request.data)
        return CipServiceResponse.success(request.service_code, definition(instance)[start : start + length])

    def definition(instance) -> bytes:
        return logix._template_object._build_member_data(instance.user_data)

    made.add_instance_service(CipServiceDefinition(0x4C, "Template_Read", read))
    for instance in made.instances.values():
        instance.get_attribute(4).set_data(struct.pack("<I", (len(definition(instance)) + 23 + 3) // 4))


async def serve(host: str) -> None:
    device = VirtualDevice(IDENTITIES[host], HOSTS[host].ip)
    settable(device)
    if host == "plc-cip":
        controller(device)
    elif host == "plc-slc":
        device.dispatcher.register_class(Pccc().cip_class)
    else:
        device.add_assembly(100, 8, "inputs")
        device.add_assembly(150, 4, "outputs")
        device.add_assembly(110, 0, "configuration")
    await device.start()
    adapter = device._adapter
    adapter.connection_id_lookup = lambda number: getattr(device.connection_manager.find_by_ot_id(number), "to_connection_id", 0)

    class Datagrams(asyncio.DatagramProtocol):
        """The stack answers on TCP only: its own answers, on UDP."""

        def connection_made(self, transport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, sender) -> None:
            message, _ = adapter._manager.try_parse(data, sender)
            answer = adapter._dispatch_message(message, 0, HOSTS[host].ip) if message is not None else None
            if answer:
                self.transport.sendto(answer, sender)

    await asyncio.get_running_loop().create_datagram_endpoint(Datagrams, local_addr=("0.0.0.0", 44818), allow_broadcast=True)
    ready()
    while True:
        if host == "plc-cip":
            for name, period in (("BoilerTemperature", 13), ("SteamPressure", 29), ("FeedFlow", 47)):
                device.tags.find_by_name(name).write_real(0, level(period, 20, 90))
        elif host == "rio":
            device.assemblies.get_assembly(100).set_data(struct.pack("<ff", level(11, 0, 10), level(23, 0, 10)))
        await asyncio.sleep(0.2)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
