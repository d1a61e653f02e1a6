"""BACnet/IP operations by bacpypes3, in an event loop of its own thread; and by hand for what it does not send."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Coroutine
from typing import Any

from actor import Client
from bacpypes3.apdu import DeviceCommunicationControlRequest, ReinitializeDeviceRequest
from bacpypes3.app import Application
from bacpypes3.local.device import DeviceObject
from bacpypes3.local.networkport import NetworkPortObject
from bacpypes3.pdu import Address
from bacpypes3.primitivedata import ObjectIdentifier
from hosts import BACNET_DEVICE, BACNET_STATION

SERVICES = {"read": 12, "write": 15, "read_many": 14}
OBJECTS = {"analog-input": 0, "analog-value": 2, "binary-output": 4, "device": 8}
PROPERTIES = {
    "present-value": 85,
    "object-name": 77,
    "vendor-name": 121,
    "model-name": 70,
    "firmware-revision": 44,
    "out-of-service": 81,
    "object-list": 76,
}


class BacnetClient(Client):
    protocol, port = "bacnet", 47808

    def connect(self) -> str:
        """The stack begins; nothing is sent yet."""
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self._wait(self._begin())
        return "ok"

    async def _begin(self) -> None:
        name, instance = self.source.name, BACNET_STATION[self.source.name]
        device = DeviceObject(objectIdentifier=("device", instance), objectName=name, vendorIdentifier=999)
        port = NetworkPortObject(f"{self.source.ip}/24", objectIdentifier=("network-port", 1), objectName="port")
        self.application = Application.from_object_list([device, port])

    def _wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=15)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.application.close)

    def _sent(self, function: int, *, area: int | None = None, number: int | None = None, start: int | None = None) -> None:
        self.fields |= {"function": function, "functions": [function], "area": area, "object": number, "start": start}

    def who_is(self) -> str:
        self._sent(0x108)
        self._wait(self._looked())
        return "ok"

    async def _looked(self) -> Any:
        return await self.application.who_is(timeout=1)

    def read(self, kind: str, number: int, name: str) -> str:
        self._sent(12, area=OBJECTS[kind], number=number, start=PROPERTIES[name])
        self._wait(self.application.read_property(Address(self.target.ip), ObjectIdentifier(f"{kind},{number}"), name))
        return "ok"

    def write(self, kind: str, number: int, name: str, value: Any, priority: int | None = None) -> str:
        self._sent(15, area=OBJECTS[kind], number=number, start=PROPERTIES[name])
        self.fields |= {"value": value, "priority": priority}
        answer = self._wait(
            self.application.write_property(Address(self.target.ip), ObjectIdentifier(f"{kind},{number}"), name, value, priority=priority)
        )
        return f"error: {answer}" if answer else "ok"

    def reinitialize(self, state: str) -> str:
        self._sent(20)
        self._wait(self._request(ReinitializeDeviceRequest(reinitializedStateOfDevice=state, destination=Address(self.target.ip))))
        return "ok"

    def communication(self, state: str) -> str:
        self._sent(17)
        self._wait(self._request(DeviceCommunicationControlRequest(timeDuration=5, enableDisable=state, destination=Address(self.target.ip))))
        return "ok"

    async def _request(self, request: Any) -> Any:
        return await self.application.request(request)

    def foreign(self, seconds: int = 60) -> str:
        """Register as a foreign device, by hand (annex J.5.2)."""
        self._sent(0x305)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.settimeout(2)
            one.sendto(bytes((0x81, 5, 0, 6)) + seconds.to_bytes(2, "big"), (self.target.ip, self.port))
            try:
                one.recv(64)
            except TimeoutError:
                return "error: no answer"
        return "ok"

    def walk(self, count: int) -> str:
        """Reads of objects that are not there, by hand: each answered with unknown object."""
        self._sent(12)
        self.fields |= {"functions": [12] * count, "area": None}
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.settimeout(2)
            for number in range(count):
                kind = (4 << 22 | 100 + number).to_bytes(4, "big")
                body = bytes((1, 4, 0, 5, number & 0xFF, 12, 0x0C)) + kind + bytes((0x19, 85))
                one.sendto(bytes((0x81, 0x0A)) + (4 + len(body)).to_bytes(2, "big") + body, (self.target.ip, self.port))
                one.recv(256)
        return "ok"


__all__ = ["BACNET_DEVICE", "BacnetClient"]
