"""The station: an IEC 60870-5-104 outstation on lib60870 (c104), run by an interpreter of its own (see recording.py)."""
# mypy: ignore-errors
# ruff: noqa: ARG001  (callbacks: arguments are the stack's)
# The stack reads the signatures of callbacks: annotations stay types here.

import datetime
import time

import c104
from hosts import IEC104_STATION
from process import level, ready

MEASURED = {11: c104.Type.M_SP_NA_1, 12: c104.Type.M_DP_NA_1, 13: c104.Type.M_ME_NC_1, 14: c104.Type.M_ME_NA_1, 15: c104.Type.M_ME_NB_1,
            16: c104.Type.M_IT_NA_1, 17: c104.Type.M_ST_NA_1, 18: c104.Type.M_SP_TB_1}
COMMANDS = {101: (c104.Type.C_SC_NA_1, 11), 102: (c104.Type.C_DC_NA_1, 12), 103: (c104.Type.C_SE_NC_1, 13), 104: (c104.Type.C_RC_NA_1, 17)}


def accept(point: c104.Point, previous_info: c104.Information, message: c104.IncomingMessage) -> c104.ResponseState:
    """Every command is carried out."""
    return c104.ResponseState.SUCCESS


def accept_clock(server: c104.Server, ip: str, date_time: datetime.datetime) -> c104.ResponseState:
    """So is the clock."""
    return c104.ResponseState.SUCCESS


def serve() -> None:
    server = c104.Server(ip="0.0.0.0", port=2404)
    server.on_clock_sync(callable=accept_clock)
    station = server.add_station(common_address=IEC104_STATION)
    points = {address: station.add_point(io_address=address, type=kind) for address, kind in MEASURED.items()}
    for address, (kind, related) in COMMANDS.items():
        mode = c104.CommandMode.SELECT_AND_EXECUTE if address == 102 else c104.CommandMode.DIRECT
        command = station.add_point(io_address=address, type=kind, related_io_address=related, related_io_autoreturn=True, command_mode=mode)
        command.on_receive(callable=accept)
    server.start()
    ready()
    while True:
        time.sleep(3)
        points[13].value = level(17, 100, 140)
        points[13].transmit(cause=c104.Cot.SPONTANEOUS)


if __name__ == "__main__":
    serve()
