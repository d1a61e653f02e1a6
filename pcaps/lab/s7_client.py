"""S7comm operations by python-snap7's client."""

from __future__ import annotations

import datetime
import struct

from actor import Client
from snap7 import client
from snap7.type import Area, Block

READ, WRITE = 0x04, 0x05
AREAS = {"I": Area.PE, "Q": Area.PA, "M": Area.MK, "DB": Area.DB}
# S7 block header: the byte for the language and the sub-block type, and the ASCII letter of the file name
BLOCKS = {"OB": (0x01, 0x08, 0x38), "DB": (0x05, 0x0A, 0x41), "FC": (0x01, 0x0C, 0x43), "FB": (0x01, 0x0E, 0x45)}


def block_bytes(kind: str, number: int, body: bytes) -> bytes:
    """A whole block as an engineering tool sends it: 36 bytes of header, then the MC7 code or data."""
    language, sub, _ = BLOCKS[kind]
    head = struct.pack(">HBBBBHI4s", 0x7070, 1, 1, language, sub, number, 36 + len(body), bytes(4))
    return head + bytes(18) + struct.pack(">H", len(body)) + body


class S7Client(Client):
    protocol, port = "s7comm", 102

    def _say(self, *functions: int, **more: object) -> None:
        self.fields |= {"function": functions[0], "functions": list(functions), **more}

    def _ask(self, group: int, subfunction: int, **more: object) -> None:
        """A userdata request: its function is the function group."""
        self._say(group, userdata=True, subfunction=subfunction, **more)

    def _pi(self, service: bytes, block: bytes) -> None:
        """A PI service on one block, in the form that STEP 7 sends (python-snap7's own _DELE is malformed)."""
        argument = b"\x01\x00" + block
        parameters = struct.pack(">B6xBH", 0x28, 0xFD, len(argument)) + argument + bytes((len(service),)) + service
        protocol = self.client.protocol
        header = struct.pack(">BBHHHH", 0x32, 1, 0, protocol._next_sequence(), len(parameters), 0)
        protocol.check_control_response(self.client._send_receive(header + parameters))

    def connect(self, rack: int = 0, slot: int = 2, kind: str = "OP") -> None:
        """Connection types of the TSAP: 1 PG (engineering), 2 OP (operating), 3 S7 basic."""
        self._say(0xF0, unit=f"{rack}/{slot}", value=kind)
        self.client = client.Client()
        self.client.connection_type = {"PG": 1, "OP": 2, "S7": 3}[kind]
        self.client.connect(self.target.ip, rack, slot, self.port)

    def close(self) -> None:
        self.client.disconnect()

    def read(self, area: str, start: int, count: int, db: int = 0) -> None:
        self._say(READ, area=area, object=db or None, start=start * 8, count=count)
        self.client.read_area(AREAS[area], db, start, count)

    def write(self, area: str, start: int, data: str, db: int = 0) -> None:
        self._say(WRITE, area=area, object=db or None, start=start * 8, count=len(data) // 2, value=data)
        self.client.write_area(AREAS[area], db, start, bytearray.fromhex(data))

    def write_real(self, db: int, start: int, value: float) -> None:
        self._say(WRITE, area="DB", object=db, start=start * 8, count=4, value=value)
        self.client.db_write(db, start, bytearray(struct.pack(">f", value)))

    def stop(self) -> None:
        self._say(0x29)
        self.client.plc_stop()

    def hot_start(self) -> None:
        self._say(0x28, value="P_PROGRAM warm")
        self.client.plc_hot_start()

    def cold_start(self) -> None:
        self._say(0x28, value="P_PROGRAM cold")
        self.client.plc_cold_start()

    def copy_ram_to_rom(self) -> None:
        self._say(0x28, value="_MODU")
        self.client.copy_ram_to_rom()

    def delete_block(self, db: int) -> None:
        self._say(0x28, value="_DELE", object=db)
        self._pi(b"_DELE", f"0A{db:05d}B".encode())

    def insert_block(self, db: int) -> None:
        """Activate a downloaded block: passive (P) to active file system."""
        self._say(0x28, value="_INSE", object=db)
        self._pi(b"_INSE", f"0A{db:05d}P".encode())

    def download(self, db: int, data: str) -> None:
        body = block_bytes("DB", db, bytes.fromhex(data))
        slices = -(-len(body) // (self.client.pdu_length - 18))
        # 0x1b and 0x1c are asked by the PLC, so they are jobs in the other direction
        self._say(0x1A, *[0x1B] * slices, 0x1C, object=db, area="DB", count=len(body))
        self.client.download(bytearray(body), db)

    def download_request(self, kind: str, number: int, data: str) -> str:
        """Only the request to download a code block; the server of python-snap7 takes nothing but DBs and refuses."""
        body = block_bytes(kind, number, bytes.fromhex(data))
        self._say(0x1A, object=number, area=kind, count=len(body))
        request = self.client.protocol.build_download_request(BLOCKS[kind][2], number, body)
        answer = self.client._send_receive(request)
        return f"answered: {answer.get('error_code', answer)}"

    def upload(self, db: int) -> None:
        # start, one request for each slice of 462 bytes, end
        self._say(0x1D, 0x1E, 0x1F, object=db, area="DB")
        self.client.full_upload(Block.DB, db)

    def list_blocks(self) -> None:
        self._ask(3, 1)
        self.client.list_blocks()

    def list_blocks_of_type(self) -> None:
        self._ask(3, 2)
        self.client.list_blocks_of_type(Block.DB, 100)

    def block_info(self, db: int) -> None:
        self._ask(3, 3, object=db)
        self.client.get_block_info(Block.DB, db)

    def cpu_info(self) -> None:
        self._ask(4, 1, value="0x001c")
        self.client.get_cpu_info()

    def order_code(self) -> None:
        self._ask(4, 1, value="0x0011")
        self.client.get_order_code()

    def protection(self) -> None:
        self._ask(4, 1, value="0x0232")
        self.client.get_protection()

    def get_clock(self) -> None:
        self._ask(7, 1)
        self.client.get_plc_datetime()

    def set_clock(self) -> None:
        self._ask(7, 2)
        self.client.set_plc_datetime(datetime.datetime(2026, 11, 22, 12, 0, 0))  # noqa: DTZ001 - the API takes it naive

    def set_password(self, password: str) -> None:
        self._ask(5, 1)
        self.client.set_session_password(password)
