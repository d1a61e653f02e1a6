"""The controllers' side: real Modbus and S7 servers with values that move, and the hosts' other services.

    python servers.py modbus|s7comm|http|rdp      (inside a host's namespace; DNP3: dnp3_server.py)

Prints `ready` once it listens and runs until it is killed.
"""

from __future__ import annotations

import asyncio
import http.server
import logging
import struct
import sys
import time
from typing import Any

from process import level, ready


def modbus() -> None:
    """Unit 1: the PLC (temperatures, set point in holding register 100, pumps as coils); unit 2: a drive behind it."""
    from pymodbus.constants import ExcCodes
    from pymodbus.pdu.device import ModbusDeviceIdentification
    from pymodbus.server import ModbusTcpServer
    from pymodbus.simulator import DataType, SimData, SimDevice

    async def measure(
        function: int, start: int, address: int, count: int, registers: list[int], values: Any
    ) -> ExcCodes | None:
        if function == 4 and values is None:
            for i in range(count):
                registers[address - start + i] = int(level(20 + 7 * ((address + i) % 5), 200, 800))
        return None

    def unit(number: int, registers: int) -> SimDevice:
        blocks = (
            [SimData(0, count=64, values=False, datatype=DataType.BITS)],
            [SimData(0, count=64, values=True, datatype=DataType.BITS)],
            [SimData(0, count=registers, values=17, datatype=DataType.REGISTERS)],
            [SimData(0, count=registers, values=0, datatype=DataType.REGISTERS)],
        )
        return SimDevice(number, simdata=blocks, action=measure, identity=identity)

    identity = ModbusDeviceIdentification(
        info_name={
            "VendorName": "Schneider Electric",
            "ProductCode": "BMX P34 2020",
            "MajorMinorRevision": "v2.70",
            "VendorUrl": "http://www.se.com",
            "ProductName": "Modicon M340",
            "ModelName": "M340",
            "UserApplicationName": "boiler house",
        }
    )

    async def serve() -> None:
        server = ModbusTcpServer([unit(1, 256), unit(2, 64)], identity=identity, address=("0.0.0.0", 502))
        await server.serve_forever(background=True)
        ready()
        await asyncio.Event().wait()

    asyncio.run(serve())


def s7comm() -> None:
    """DB1: process values and set points, DB2: recipe, DB100: spare, DB200: target of downloads; I, Q, M areas."""
    from snap7 import server
    from snap7 import type as s7type

    plc = server.Server(log=False)
    areas = {number: bytearray(size) for number, size in ((1, 64), (2, 256), (100, 128), (200, 600))}
    for number, data in areas.items():
        plc.register_area(s7type.SrvArea.DB, number, data)
    for area in (s7type.SrvArea.PE, s7type.SrvArea.PA, s7type.SrvArea.MK, s7type.SrvArea.TM, s7type.SrvArea.CT):
        plc.register_area(area, 0, bytearray(64))
    plc.start(102)
    ready()
    while True:
        for offset, period in ((0, 13), (4, 29), (12, 47)):
            struct.pack_into(">f", areas[1], offset, level(period, 20, 90))
        time.sleep(0.5)


def web() -> None:
    """The HMI's status page."""

    class Page(http.server.BaseHTTPRequestHandler):
        server_version, sys_version = "hmi-web/1.2", ""

        def do_GET(self) -> None:
            body = b"<html><title>boiler house</title>ok</html>\n"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Page)
    ready()
    server.serve_forever()


def rdp() -> None:
    """Remote desktop as a sensor sees it: X.224 connection request and confirm (MS-RDPBCGR 2.2.1), opaque bytes."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readexactly(4)
            await reader.readexactly(int.from_bytes(head[2:4], "big") - 4)
            # TPKT, X.224 connection confirm, RDP_NEG_RSP selecting PROTOCOL_SSL
            writer.write(bytes.fromhex("030000130ed000001234000200080001000000"))
            while data := await reader.read(4096):
                writer.write(bytes(len(data) % 7 + 40))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def serve() -> None:
        server = await asyncio.start_server(accept, "0.0.0.0", 3389)
        ready()
        await server.serve_forever()

    asyncio.run(serve())


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    {"modbus": modbus, "s7comm": s7comm, "http": web, "rdp": rdp}[sys.argv[1]]()
