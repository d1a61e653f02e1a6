"""Modbus/TCP operations by pymodbus' client."""

from __future__ import annotations

from typing import Any

from actor import Client
from pymodbus.client import ModbusTcpClient
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.file_message import FileRecord


class RawRequest(ModbusPDU):
    """A request with any function code and body: what a function-code scan sends."""

    rtu_frame_size = 0

    def __init__(self, function: int, body: bytes, unit: int) -> None:
        super().__init__(dev_id=unit)
        self.function_code, self.body = function, body

    def encode(self) -> bytes:
        return self.body


class ModbusClient(Client):
    protocol, port = "modbus", 502

    def connect(self) -> str:
        self.client = ModbusTcpClient(self.target.ip, port=self.port, timeout=1, retries=0)
        return "ok" if self.client.connect() else "error: no connection"

    def close(self) -> None:
        self.client.close()

    def _do(
        self,
        function: int,
        area: str | None,
        start: int | None,
        count: int | None,
        answer: Any,
        *,
        unit: int,
        value: Any = None,
        **more: Any,
    ) -> str:
        self.fields |= {
            "function": function,
            "functions": [function],
            "unit": unit,
            "area": area,
            "start": start,
            "count": count,
            "value": value,
            **more,
        }
        response = answer()
        return f"exception: {response.exception_code}" if response.isError() else "ok"

    def read_coils(self, start: int, count: int, unit: int = 1) -> str:
        return self._do(
            1, "coils", start, count, lambda: self.client.read_coils(start, count=count, device_id=unit), unit=unit
        )

    def read_discrete(self, start: int, count: int, unit: int = 1) -> str:
        return self._do(
            2,
            "discrete",
            start,
            count,
            lambda: self.client.read_discrete_inputs(start, count=count, device_id=unit),
            unit=unit,
        )

    def read_holding(self, start: int, count: int, unit: int = 1) -> str:
        return self._do(
            3,
            "holding",
            start,
            count,
            lambda: self.client.read_holding_registers(start, count=count, device_id=unit),
            unit=unit,
        )

    def read_input(self, start: int, count: int, unit: int = 1) -> str:
        return self._do(
            4,
            "input",
            start,
            count,
            lambda: self.client.read_input_registers(start, count=count, device_id=unit),
            unit=unit,
        )

    def write_coil(self, start: int, value: bool, unit: int = 1) -> str:
        return self._do(
            5, "coils", start, 1, lambda: self.client.write_coil(start, value, device_id=unit), unit=unit, value=value
        )

    def write_register(self, start: int, value: int, unit: int = 1) -> str:
        return self._do(
            6,
            "holding",
            start,
            1,
            lambda: self.client.write_register(start, value, device_id=unit),
            unit=unit,
            value=value,
        )

    def write_coils(self, start: int, values: list[bool], unit: int = 1) -> str:
        return self._do(
            15,
            "coils",
            start,
            len(values),
            lambda: self.client.write_coils(start, values, device_id=unit),
            unit=unit,
            value=values,
        )

    def write_registers(self, start: int, values: list[int], unit: int = 1) -> str:
        return self._do(
            16,
            "holding",
            start,
            len(values),
            lambda: self.client.write_registers(start, values, device_id=unit),
            unit=unit,
            value=values,
        )

    def mask_write(self, start: int, and_mask: int, or_mask: int, unit: int = 1) -> str:
        return self._do(
            22,
            "holding",
            start,
            1,
            lambda: self.client.mask_write_register(address=start, and_mask=and_mask, or_mask=or_mask, device_id=unit),
            unit=unit,
            value=[and_mask, or_mask],
        )

    def read_write(self, start: int, count: int, write_start: int, values: list[int], unit: int = 1) -> str:
        return self._do(
            23,
            "holding",
            start,
            count,
            lambda: self.client.readwrite_registers(
                read_address=start, read_count=count, write_address=write_start, values=values, device_id=unit
            ),
            unit=unit,
            value=values,
            write_start=write_start,
        )

    def write_file_record(self, file: int, record: int, data: str, unit: int = 1) -> str:
        entry = FileRecord(file_number=file, record_number=record, record_data=bytes.fromhex(data))
        return self._do(
            21,
            "file",
            record,
            len(data) // 4,
            lambda: self.client.write_file_record([entry], device_id=unit),
            unit=unit,
            value=data,
            object=file,
        )

    def listen_only(self, unit: int = 1) -> str:
        self.fields |= {"function": 8, "functions": [8], "subfunction": 4, "unit": unit}
        self.client.diag_force_listen_only(device_id=unit, no_response_expected=True)
        return "no response expected"

    def restart_communication(self, clear_log: bool, unit: int = 1) -> str:
        return self._do(
            8,
            None,
            None,
            None,
            lambda: self.client.diag_restart_communication(clear_log, device_id=unit),
            unit=unit,
            subfunction=1,
            value=0xFF00 if clear_log else 0,
        )

    def clear_counters(self, unit: int = 1) -> str:
        return self._do(
            8, None, None, None, lambda: self.client.diag_clear_counters(device_id=unit), unit=unit, subfunction=10
        )

    def echo(self, data: str, unit: int = 1) -> str:
        return self._do(
            8,
            None,
            None,
            None,
            lambda: self.client.diag_query_data(bytes.fromhex(data), device_id=unit),
            unit=unit,
            subfunction=0,
            value=data,
        )

    def message_count(self, unit: int = 1) -> str:
        return self._do(
            8,
            None,
            None,
            None,
            lambda: self.client.diag_read_bus_message_count(device_id=unit),
            unit=unit,
            subfunction=11,
        )

    def report_server_id(self, unit: int = 1) -> str:
        return self._do(17, None, None, None, lambda: self.client.report_device_id(device_id=unit), unit=unit)

    def device_identification(self, code: int = 1, unit: int = 1) -> str:
        return self._do(
            43,
            None,
            None,
            None,
            lambda: self.client.read_device_information(read_code=code, device_id=unit),
            unit=unit,
            subfunction=14,
            value=code,
        )

    def raw(self, function: int, body: str = "", unit: int = 1) -> str:
        return self._do(
            function,
            None,
            None,
            None,
            lambda: self.client.execute(False, RawRequest(function, bytes.fromhex(body), unit)),
            unit=unit,
        )
