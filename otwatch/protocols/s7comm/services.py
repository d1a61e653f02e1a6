"""PI services (function 0x28): programs that the controller runs when called by name.

On the wire a service is its name; operations.subfunction is its number in this table, so that rules and behaviours can tell them apart.
"""

from __future__ import annotations

from dataclasses import dataclass

from otwatch.actions import Action


@dataclass(frozen=True, slots=True)
class Service:
    """One PI service: the name of the wire, what we call it, what it does, and the names of its arguments (strings with a length byte)."""

    wire: str
    name: str
    action: Action
    arguments: tuple[str, ...] = ()


_FILE = ("address", "file")
_TOOL = ("address", "tool")
# 0 is a service that is not in the table. P_PROGRAM is two entries: its argument decides.
SERVICES: tuple[Service, ...] = (
    Service("", "pi_service", Action.OTHER),
    Service("P_PROGRAM", "pi_warm_start", Action.START),
    Service("P_PROGRAM", "pi_cold_start", Action.START),  # argument "C "
    Service("_INSE", "pi_activate_block", Action.PROGRAM_DOWNLOAD),
    Service("_INS2", "pi_activate_block_2", Action.PROGRAM_DOWNLOAD),
    Service("_DELE", "pi_delete_block", Action.PROGRAM_DELETE),
    Service("_MODU", "pi_copy_ram_to_rom", Action.CONFIGURE),
    Service("_GARB", "pi_compress_memory", Action.CONFIGURE),
    Service("_N_LOGIN_", "pi_nc_login", Action.AUTHENTICATE, ("address", "password")),
    Service("_N_LOGOUT", "pi_nc_logout", Action.AUTHENTICATE, ("address",)),
    Service("_N_NEWPWD", "pi_nc_new_password", Action.AUTHENTICATE, ("address", "password", "level")),
    Service("_N_CANCEL", "pi_nc_cancel_alarm", Action.ALARM, ("address",)),
    Service("_N_DASAVE", "pi_nc_save_data", Action.CONFIGURE, ("address",)),
    Service("_N_DIGIOF", "pi_nc_digitise_off", Action.CONFIGURE, ("address",)),
    Service("_N_DIGION", "pi_nc_digitise_on", Action.CONFIGURE, ("address",)),
    Service("_N_DZERO_", "pi_nc_invalidate_d_numbers", Action.CONFIGURE, ("address",)),
    Service("_N_ENDEXT", "pi_nc_end_external", Action.CONFIGURE, ("address",)),
    Service("_N_OST_OF", "pi_nc_overstore_off", Action.CONFIGURE, ("address",)),
    Service("_N_OST_ON", "pi_nc_overstore_on", Action.CONFIGURE, ("address",)),
    Service("_N_SCALE_", "pi_nc_scale_unit", Action.CONFIGURE, ("address",)),
    Service("_N_SETUFR", "pi_nc_activate_user_frame", Action.CONFIGURE, ("address",)),
    Service("_N_STRTLK", "pi_nc_start_lock", Action.STOP, ("address",)),
    Service("_N_STRTUL", "pi_nc_start_unlock", Action.START, ("address",)),
    Service("_N_TMRASS", "pi_nc_reset_active_status", Action.CONFIGURE, ("address",)),
    Service("_N_F_DELE", "pi_nc_delete_file", Action.PROGRAM_DELETE, _FILE),
    Service("_N_F_DELR", "pi_nc_delete_remote_file", Action.PROGRAM_DELETE, _FILE),
    Service("_N_EXTERN", "pi_nc_select_external_program", Action.CONFIGURE, _FILE),
    Service("_N_EXTMOD", "pi_nc_external_mode", Action.CONFIGURE, _FILE),
    Service("_N_F_XFER", "pi_nc_select_file_upload", Action.FILE, _FILE),
    Service("_N_LOCKE_", "pi_nc_lock_file", Action.FILE, _FILE),
    Service("_N_SELECT", "pi_nc_select_program", Action.CONFIGURE, _FILE),
    Service("_N_SRTEXT", "pi_nc_mark_file", Action.FILE, _FILE),
    Service("_N_F_CLOS", "pi_nc_close_file", Action.FILE, ("address", "window")),
    Service("_N_F_OPEN", "pi_nc_open_file", Action.FILE, ("address", "file", "window")),
    Service("_N_F_OPER", "pi_nc_open_file_read_only", Action.FILE, ("address", "file", "window")),
    Service("_N_F_SEEK", "pi_nc_seek_file", Action.FILE, ("address", "window", "position", "size", "compare", "skip")),
    Service("_N_F_COPY", "pi_nc_copy_file", Action.FILE, ("address", "direction", "source", "destination")),
    Service("_N_F_DMDA", "pi_nc_delete_mda_memory", Action.PROGRAM_DELETE, ("address", "channel")),
    Service("_N_F_PROR", "pi_nc_protect_remote_file", Action.FILE, ("address", "file", "protection")),
    Service("_N_F_PROT", "pi_nc_protect_file", Action.FILE, ("address", "file", "protection")),
    Service("_N_F_RENA", "pi_nc_rename_file", Action.FILE, ("address", "old", "new")),
    Service("_N_ASUP__", "pi_nc_assign_interrupt", Action.CONFIGURE, ("address", "interrupt", "priority", "liftfast", "blsync", "file")),
    Service("_N_CHEKDM", "pi_nc_check_d_numbers", Action.DIAGNOSE, ("address", "magazine", "d", "spindle")),
    Service("_N_CHKDNO", "pi_nc_check_d_number", Action.DIAGNOSE, ("address", "tool", "tool_2", "d")),
    Service("_N_CONFIG", "pi_nc_reconfigure_machine_data", Action.CONFIGURE, ("address", "class")),
    Service("_N_CRCEDN", "pi_nc_create_cutting_edge_d", Action.CONFIGURE, ("address", "t", "d")),
    Service("_N_DELECE", "pi_nc_delete_cutting_edge", Action.CONFIGURE, ("address", "t", "d")),
    Service("_N_CREACE", "pi_nc_create_cutting_edge", Action.CONFIGURE, _TOOL),
    Service("_N_CREATO", "pi_nc_create_tool", Action.CONFIGURE, _TOOL),
    Service("_N_DELETO", "pi_nc_delete_tool", Action.CONFIGURE, _TOOL),
    Service("_N_CRTOCE", "pi_nc_create_tool_edge", Action.CONFIGURE, ("address", "tool", "edge")),
    Service("_N_DELVAR", "pi_nc_delete_variable", Action.CONFIGURE, ("address", "block", "first_column", "last_column", "first_row", "last_row")),
    Service("_N_FINDBL", "pi_nc_activate_search", Action.CONFIGURE, ("address", "mode")),
    Service("_N_IBN_SS", "pi_nc_set_commissioning_switch", Action.CONFIGURE, ("address", "switch")),
    Service("_N_MMCSEM", "pi_nc_mmc_semaphore", Action.CONFIGURE, ("address", "function", "semaphore")),
    Service("_N_NCKMOD", "pi_nc_mode", Action.CONFIGURE, ("address", "on", "mode", "factor")),
    Service("_N_SEL_BL", "pi_nc_select_block", Action.CONFIGURE, ("address", "line")),
    Service("_N_SETTST", "pi_nc_set_tool_status", Action.CONFIGURE, ("address", "magazine", "wear_group", "status")),
    Service("_N_TMAWCO", "pi_nc_activate_wear_group", Action.CONFIGURE, ("address", "magazine", "wear_group", "strategy")),
    Service("_N_TMCRTC", "pi_nc_create_tool_with_edge", Action.CONFIGURE, ("address", "id", "tool", "duplo", "edge")),
    Service("_N_TMCRTO", "pi_nc_create_tool_by_id", Action.CONFIGURE, ("address", "id", "tool", "duplo")),
    Service("_N_TMFDPL", "pi_nc_find_place_for_tool", Action.DIAGNOSE,
            ("address", "tool", "place", "magazine", "reference_place", "reference_magazine")),
    Service("_N_TMFPBP", "pi_nc_find_place", Action.DIAGNOSE,
            ("address", "from_magazine", "from_place", "to_magazine", "to_place", "reference_magazine",
                                                              "reference_place", "left", "right", "up", "down", "place_type", "direction")),
    Service("_N_TMGETT", "pi_nc_tool_by_name", Action.DIAGNOSE, ("address", "name", "duplo")),
    Service("_N_TMMVTL", "pi_nc_move_tool", Action.CONTROL, ("address", "tool", "from_place", "from_magazine", "to_place", "to_magazine")),
    Service("_N_TMPCIT", "pi_nc_increment_workpieces", Action.CONFIGURE, ("address", "spindle", "increment")),
    Service("_N_TMPOSM", "pi_nc_position_magazine", Action.CONTROL,
            ("address", "tool", "id", "duplo", "from_place", "from_magazine", "to_place", "to_magazine")),
    Service("_N_TRESMO", "pi_nc_reset_monitoring", Action.CONFIGURE, ("address", "tool", "d", "mode")),
    Service("_N_TSEARC", "pi_nc_search_tool", Action.DIAGNOSE,
            ("address", "from_magazine", "from_place", "to_magazine", "to_place", "reference_magazine",
                                                               "reference_place", "direction", "kind")),
)
UNKNOWN, WARM_START, COLD_START = 0, 1, 2
BY_WIRE: dict[bytes, int] = {service.wire.encode(): number for number, service in enumerate(SERVICES) if number not in (UNKNOWN, COLD_START)}
WITH_BLOCKS = frozenset(number for number, service in enumerate(SERVICES) if service.wire in ("_INSE", "_INS2", "_DELE"))


def service_of(wire: bytes, argument: bytes) -> int:
    """The number of a service by its name of the wire; P_PROGRAM by its argument ("C" is a cold start)."""
    number = BY_WIRE.get(wire.rstrip(b"\x00 "), UNKNOWN)
    return COLD_START if number == WARM_START and argument[:1] in (b"C", b"c") else number


def service_within(text: bytes) -> int:
    """The number of a service whose name stands anywhere in the parameters, the last one if there are several."""
    places = [(text.rfind(wire), number) for wire, number in BY_WIRE.items() if wire in text]
    return max(places)[1] if places else UNKNOWN
