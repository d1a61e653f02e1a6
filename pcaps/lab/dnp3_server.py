"""The RTU: opendnp3 outstations behind one port."""
# ruff: noqa: N802, ARG002  (callbacks: names and arguments are the stack's)

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from typing import Any

import opendnp3 as dnp
from hosts import DNP3_MASTER, DNP3_OUTSTATION, HOSTS
from process import level, ready


class Application(dnp.IOutstationApplication):  # type: ignore[misc]
    """Restarts are acted: every session shows its restart bit afterwards, as after a real one."""

    def __init__(self, sessions: list[Any]) -> None:
        super().__init__()
        self.sessions = sessions

    def ColdRestartSupport(self) -> Any:
        return dnp.RestartMode.SUPPORTED_DELAY_FINE

    def WarmRestartSupport(self) -> Any:
        return dnp.RestartMode.SUPPORTED_DELAY_FINE

    def ColdRestart(self) -> int:
        for outstation in self.sessions:
            outstation.SetRestartIIN()
        return 1500

    def WarmRestart(self) -> int:
        return self.ColdRestart()

    def SupportsWriteAbsoluteTime(self) -> bool:
        return True

    def WriteAbsoluteTime(self, timestamp: Any) -> bool:
        return True


class Commands(dnp.ICommandHandler):  # type: ignore[misc]
    """Accepts every select and operate; a binary output then shows what was commanded."""

    def __init__(self, rtu: Rtu) -> None:
        super().__init__()
        self.rtu = rtu

    def Select(self, command: Any, index: int) -> Any:
        return dnp.CommandStatus.SUCCESS

    def Operate(self, command: Any, index: int, handler: Any, kind: Any) -> Any:
        if isinstance(command, dnp.ControlRelayOutputBlock):
            on = command.opType in {dnp.OperationType.LATCH_ON, dnp.OperationType.PULSE_ON}
            threading.Thread(target=self.rtu.update, args=([(dnp.BinaryOutputStatus(on), index)],)).start()
        return dnp.CommandStatus.SUCCESS


class Files(dnp.IFileHandler):  # type: ignore[misc]
    """One small file that may be read, written and deleted under any name."""

    content = b"recipe=7\nspeed=1450\n"

    def OpenFile(self, name: str, key: int, permissions: Any, mode: Any, block: int, request: int) -> Any:
        result = dnp.FileOpenResult()
        result.status, result.fileHandle, result.maxBlockSize = dnp.FileStatus.SUCCESS, 1, 512
        result.fileSize = len(self.content)
        return result

    def ReadBlock(self, handle: int, number: int) -> Any:
        result = dnp.FileBlockResult()
        result.status, result.data, result.lastBlock = dnp.FileStatus.SUCCESS, list(self.content), True
        return result

    def WriteBlock(self, handle: int, number: int, data: bytes, last: bool) -> Any:
        return dnp.FileStatus.SUCCESS

    def CloseFile(self, handle: int, request: int) -> Any:
        return dnp.FileStatus.SUCCESS

    def DeleteFile(self, name: str) -> Any:
        return dnp.FileStatus.SUCCESS


class Rtu:
    """An outstation with one session for each master that it knows, told apart by IP address, as RTUs have.

    opendnp3 serves one connection for each listening port, so a relay on loopback hands the connection to
    the session of its peer. Only the HMI gets events and unsolicited responses.
    """

    def __init__(self) -> None:
        self.manager = dnp.DNP3Manager(2)
        self.sessions: list[Any] = []
        self.keep: list[Any] = []  # the binding does not own what it is given
        self.ports = {HOSTS[master].ip: 21000 + address for master, address in DNP3_MASTER.items()}
        for master in DNP3_MASTER:
            self._add_session(master, self.ports[HOSTS[master].ip])
        kinds = (dnp.Analog, dnp.Counter, dnp.Binary, dnp.BinaryOutputStatus, dnp.AnalogOutputStatus)
        self.update([(kind(index % 2), index) for kind in kinds for index in range(8)])

    def _add_session(self, master: str, port: int) -> None:
        listener = dnp.IChannelListener()
        endpoint = dnp.IPEndpoint("127.0.0.1", port)
        mode = dnp.ServerAcceptMode.CloseExisting
        channel = self.manager.AddTCPServer(master, dnp.LogLevels(0), mode, endpoint, listener)
        database = dnp.DatabaseConfig(8)
        # a default octet string is sent as g110v0, which no receiver can read; tshark 4.0 does not know g50v4
        database.octet_string = database.time_and_interval = {}
        config = dnp.OutstationStackConfig(database)
        config.outstation.eventBufferConfig = dnp.EventBufferConfig.AllTypes(50 if master == "hmi" else 0)
        config.outstation.params.allowUnsolicited = master == "hmi"
        config.link.LocalAddr, config.link.RemoteAddr = DNP3_OUTSTATION, DNP3_MASTER[master]
        handler, application, files = Commands(self), Application(self.sessions), Files()
        outstation = channel.AddOutstation(master, handler, application, config, files)
        outstation.Enable()
        self.sessions.append(outstation)
        self.keep.extend((listener, channel, handler, application, files))

    def update(self, points: list[tuple[Any, int]]) -> None:
        builder = dnp.UpdateBuilder()
        for point, index in points:
            builder.Update(point, index)
        updates = builder.Build()
        for outstation in self.sessions:
            outstation.Apply(updates)

    def move(self) -> None:
        """The measurements, for ever; a change is an event and goes to the HMI unsolicited."""
        while True:
            time.sleep(3)
            levels = [(dnp.Analog(level(17 + 9 * index, 100, 140)), index) for index in range(3)]
            self.update([*levels, (dnp.Binary(int(time.time()) % 20 < 10), 0)])

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = self.ports[writer.get_extra_info("peername")[0]]
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def serve() -> None:
    rtu = Rtu()
    server = await asyncio.start_server(rtu.accept, "0.0.0.0", 20000)
    threading.Thread(target=rtu.move, daemon=True).start()
    ready()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
