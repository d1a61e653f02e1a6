"""The building controller: a BACnet/IP device on bacpypes3, with an input, an output, a set point and a file's worth of names."""
# ruff: noqa: N802  (services: names are the stack's)

from __future__ import annotations

import asyncio
from typing import Any

from bacpypes3.apdu import DeviceCommunicationControlRequest, ReinitializeDeviceRequest, SimpleAckPDU
from bacpypes3.app import Application
from bacpypes3.basetypes import Segmentation
from bacpypes3.local.analog import AnalogInputObject, AnalogValueObject
from bacpypes3.local.binary import BinaryOutputObject
from bacpypes3.local.device import DeviceObject
from bacpypes3.local.networkport import NetworkPortObject
from hosts import BACNET_DEVICE, HOSTS
from process import level, ready


class Controller(Application):
    """Restarts and silence are acted: it answers and goes on."""

    async def do_ReinitializeDeviceRequest(self, apdu: ReinitializeDeviceRequest) -> None:
        await self.response(SimpleAckPDU(context=apdu))

    async def do_DeviceCommunicationControlRequest(self, apdu: DeviceCommunicationControlRequest) -> None:
        await self.response(SimpleAckPDU(context=apdu))


async def serve() -> None:
    host = HOSTS["ahu"]
    device = DeviceObject(
        objectIdentifier=("device", BACNET_DEVICE),
        objectName="AHU-1",
        vendorIdentifier=999,
        vendorName="Lab Controls",
        modelName="LC-200",
        firmwareRevision="3.1.4",
        applicationSoftwareVersion="boiler 7",
        location="roof",
        segmentationSupported=Segmentation.segmentedBoth,
    )
    port = NetworkPortObject(f"{host.ip}/24", objectIdentifier=("network-port", 1), objectName="port")
    temperature = AnalogInputObject(objectIdentifier=("analog-input", 1), objectName="supply temperature", presentValue=21.5, units="degreesCelsius")
    points: list[Any] = [
        device,
        port,
        temperature,
        AnalogValueObject(objectIdentifier=("analog-value", 1), objectName="set point", presentValue=21.0, units="degreesCelsius"),
        BinaryOutputObject(objectIdentifier=("binary-output", 1), objectName="fan", presentValue="inactive", relinquishDefault="inactive"),
    ]
    Controller.from_object_list(points)
    ready()
    while True:
        await asyncio.sleep(1)
        temperature.presentValue = level(17, 18, 24)


if __name__ == "__main__":
    asyncio.run(serve())
