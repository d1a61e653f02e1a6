"""Numbers of PROFINET IO and their names, as data. Clauses are of IEC 61158-6-10."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final
from uuid import UUID

from otwatch.actions import Action
from otwatch.vocabulary import AnomalyKind

ETHERTYPE: Final = 0x8892
BELOW_DCP: Final = 0xFEFB  # frame ids above it, up to 0xFEFF, are DCP's
REFERENCES: Final = ("IEC 61158-6-10, 4 (RT, alarms, CM); IEC 61158-5-10", "PROFINET, PI order number 2.722")
INTERFACES: Final = frozenset(
    UUID(f"dea000{number:02x}-6c97-11d1-8271-00a02442df7d").bytes for number in range(1, 5)
)  # device, controller, supervisor, parameter server

# Functions: operation numbers of the RPC interface, then what stands straight in frames
CONNECT, RELEASE, READ, WRITE, CONTROL, READ_IMPLICIT = range(6)
ALARM, ALARM_ACK, ABORT, CYCLIC, STATUS, CLOCK = 16, 17, 18, 32, 33, 48
FUNCTIONS: Final[Mapping[int, str]] = {
    CONNECT: "connect",
    RELEASE: "release",
    READ: "read",
    WRITE: "write",
    CONTROL: "control",
    READ_IMPLICIT: "read_implicit",
    ALARM: "alarm",
    ALARM_ACK: "alarm_ack",
    ABORT: "abort",
    CYCLIC: "cyclic_data",
    STATUS: "data_status",
    CLOCK: "clock_synchronisation",
}
ALARMS: Final[Mapping[int, str]] = {
    1: "diagnosis",
    2: "process",
    3: "pull",
    4: "plug",
    5: "status",
    6: "update",
    7: "redundancy",
    8: "controlled_by_supervisor",
    9: "released",
    10: "plug_wrong_submodule",
    11: "return_of_submodule",
    12: "diagnosis_disappears",
    13: "multicast_mismatch",
    14: "port_data_change",
    15: "sync_data_changed",
    16: "isochronous_mode_problem",
    17: "network_component_problem",
    18: "time_data_changed",
    19: "dynamic_frame_packing_problem",
    20: "mrpd_problem",
    21: "multiple_interface_mismatch",
    30: "upload_and_retrieval",
    31: "pull_module",
}
COMMANDS: Final[Mapping[int, str]] = {
    1: "prm_end",
    2: "application_ready",
    4: "release",
    8: "done",
    16: "ready_for_companion",
    32: "ready_for_rt_class_3",
    64: "prm_begin",
}
DONE: Final = 8
AR_TYPES: Final[Mapping[int, str]] = {
    1: "IO controller",
    3: "IO controller (another)",
    6: "IO supervisor",
    16: "IO controller (RT class 3)",
    32: "IO controller (redundant)",
}
SUPERVISOR: Final = 6

MULTIPLE: Final = 0xE040
IM0, IM4 = 0xAFF0, 0xAFF4
INDEXES: Final[Mapping[int, str]] = {  # names of the standard
    0x8000: "ExpectedIdentificationData of a subslot",
    0x8001: "RealIdentificationData of a subslot",
    0x800A: "Diagnosis in channel coding of a subslot",
    0x800B: "Diagnosis in all codings of a subslot",
    0x800C: "Diagnosis, Maintenance, Qualified and Status of a subslot",
    0x8010: "Maintenance required in channel coding of a subslot",
    0x8011: "Maintenance demanded in channel coding of a subslot",
    0x8012: "Maintenance required in all codings of a subslot",
    0x8013: "Maintenance demanded in all codings of a subslot",
    0x801E: "SubstituteValues",
    0x8020: "PDIRSubframeData",
    0x8027: "PDPortDataRealExtended",
    0x8028: "RecordInputDataObjectElement",
    0x8029: "RecordOutputDataObjectElement",
    0x802A: "PDPortDataReal",
    0x802B: "PDPortDataCheck",
    0x802C: "PDIRData",
    0x802D: "PDSyncData",
    0x802F: "PDPortDataAdjust",
    0x8030: "IsochronousModeData",
    0x8031: "PDTimeData",
    0x8050: "PDInterfaceMrpDataReal",
    0x8051: "PDInterfaceMrpDataCheck",
    0x8052: "PDInterfaceMrpDataAdjust",
    0x8053: "PDPortMrpDataAdjust",
    0x8054: "PDPortMrpDataReal",
    0x8055: "PDPortMrpIcDataAdjust",
    0x8056: "PDPortMrpIcDataCheck",
    0x8057: "PDPortMrpIcDataReal",
    0x8060: "PDPortFODataReal",
    0x8061: "PDPortFODataCheck",
    0x8062: "PDPortFODataAdjust",
    0x8063: "PDPortSFPDataCheck",
    0x8070: "PDNCDataCheck",
    0x8071: "PDInterfaceAdjust",
    0x8072: "PDPortStatistic",
    0x8080: "PDInterfaceDataReal",
    0x8090: "PDInterfaceFSUDataAdjust",
    0x80A0: "Profiles covering energy saving - Record_0",
    0x80AF: "PE_EntityStatusData",
    0xAFF0: "I&M0 (identification)",
    0xAFF1: "I&M1 (function and location)",
    0xAFF2: "I&M2 (date of installation)",
    0xAFF3: "I&M3 (descriptor)",
    0xAFF4: "I&M4 (signature)",
    0xAFF5: "I&M5",
    0xC000: "ExpectedIdentificationData of a slot",
    0xC001: "RealIdentificationData of a slot",
    0xC00A: "Diagnosis in channel coding of a slot",
    0xC00B: "Diagnosis in all codings of a slot",
    0xC00C: "Diagnosis, Maintenance, Qualified and Status of a slot",
    0xC010: "Maintenance required in channel coding of a slot",
    0xC011: "Maintenance demanded in channel coding of a slot",
    0xC012: "Maintenance required in all codings of a slot",
    0xC013: "Maintenance demanded in all codings of a slot",
    0xE000: "ExpectedIdentificationData of a relation",
    0xE001: "RealIdentificationData of a relation",
    0xE002: "ModuleDiffBlock",
    0xE00A: "Diagnosis in channel coding of a relation",
    0xE00B: "Diagnosis in all codings of a relation",
    0xE00C: "Diagnosis, Maintenance, Qualified and Status of a relation",
    0xE010: "Maintenance required in channel coding of a relation",
    0xE011: "Maintenance demanded in channel coding of a relation",
    0xE012: "Maintenance required in all codings of a relation",
    0xE013: "Maintenance demanded in all codings of a relation",
    0xE030: "PE_EntityFilterData",
    0xE031: "PE_EntityStatusData",
    0xE040: "MultipleWrite",
    0xE041: "ApplicationReadyBlock",
    0xE050: "ARFSUDataAdjust",
    0xE060: "RS_GetEvent",
    0xE061: "RS_AckEvent",
    0xF000: "RealIdentificationData of an API",
    0xF00A: "Diagnosis in channel coding of an API",
    0xF00B: "Diagnosis in all codings of an API",
    0xF00C: "Diagnosis, Maintenance, Qualified and Status of an API",
    0xF010: "Maintenance required in channel coding of an API",
    0xF011: "Maintenance demanded in channel coding of an API",
    0xF012: "Maintenance required in all codings of an API",
    0xF013: "Maintenance demanded in all codings of an API",
    0xF020: "ARData",
    0xF80C: "Diagnosis, Maintenance, Qualified and Status for one device",
    0xF820: "ARData",
    0xF821: "APIData",
    0xF830: "LogData",
    0xF831: "PDevData",
    0xF840: "I&M0FilterData",
    0xF841: "PDRealData",
    0xF842: "PDExpectedData",
    0xF850: "AutoConfiguration",
    0xF860: "GSD upload using UploadBLOBQuery and UploadBLOB",
    0xF870: "PE_EntityFilterData",
    0xF871: "PE_EntityStatusData",
    0xF880: "AssetManagementData - contains all or first chunk of complete assets",
    0xF881: "AssetManagementData - second chunk",
    0xF882: "AssetManagementData - third chunk",
    0xF883: "AssetManagementData - fourth chunk",
    0xF884: "AssetManagementData - fifth chunk",
    0xF885: "AssetManagementData - sixth chunk",
    0xF886: "AssetManagementData - seventh chunk",
    0xF887: "AssetManagementData - eighth chunk",
    0xF888: "AssetManagementData - ninth chunk",
    0xF889: "AssetManagementData - tenth chunk",
    0xF8F0: "Stream Add using TSNAddStreamReq and TSNAddStreamRsp",
    0xF8F1: "PDRsiInstances",
    0xF8F2: "Stream Remove using TSNRemoveStreamReq and TSNRemoveStreamRsp",
    0xF8F3: "Stream Renew using TSNRenewStreamReq and TSNRenewStreamRsp",
    0xFBFF: "Trigger index for RPC connection monitoring",
}
_DIAGNOSES: Final = frozenset(
    {*range(0x800A, 0x8014), *range(0xC00A, 0xC014), *range(0xE00A, 0xE014), *range(0xF00A, 0xF014), 0xF80C, 0xF830, 0xF831, 0x8072}
)
_IDENTITIES: Final = frozenset({*range(IM0, 0xB000), 0xF840, 0xF841, 0x8000, 0x8001, 0xC000, 0xC001, 0xE000, 0xE001, 0xF000, 0xF020, 0xF820, 0xF821})
USER_RECORDS: Final = 0x8000  # records below are the module's own parameters

VALUE_TEXT: Final = 1  # a string
VALUE_RECORD: Final = 2  # the bytes of a record
VALUE_IM: Final = 3  # an I&M record: texts

# Status: ErrorCode1 << 8 | ErrorCode2, and this where the error is of the protocol machines and not of a record (ErrorDecode 0x81)
MACHINE: Final = 0x10000
FAULT: Final = 0x20000  # the RPC itself failed
_RECORD_ERRORS: Final[Mapping[int, str]] = {
    0xA0: "read_error",
    0xA1: "write_error",
    0xA2: "module_failure",
    0xA7: "busy",
    0xA8: "version_conflict",
    0xA9: "not_supported",
    0xB0: "invalid_index",
    0xB1: "write_length",
    0xB2: "invalid_slot",
    0xB3: "type_conflict",
    0xB4: "invalid_area",
    0xB5: "state_conflict",
    0xB6: "access_denied",
    0xB7: "invalid_range",
    0xB8: "invalid_parameter",
    0xB9: "invalid_type",
    0xBA: "backup",
    0xC0: "read_constraint",
    0xC1: "write_constraint",
    0xC2: "resource_busy",
    0xC3: "resource_unavailable",
}

# Data status (4.7.2.1.3)
PRIMARY, VALID, RUN, NO_PROBLEM, IGNORE = 0x01, 0x04, 0x10, 0x20, 0x80
LOST_CYCLES: Final = 3  # in a row: after so many a consumer takes the relation for broken


class Anomaly(IntEnum):
    """Codes of ANOMALIES, as the dissector writes them."""

    TRUNCATED = 1
    BLOCK = 2
    UNKNOWN_OPERATION = 3
    UNASKED_RESPONSE = 4
    CONTROLLER_CHANGED = 5
    FOREIGN_PROVIDER = 6
    CYCLES_LOST = 7
    CYCLE_ORDER = 8
    UNKNOWN_FRAME_ID = 9
    TRANSFER_STATUS = 10
    TOO_MANY_RECORDS = 11
    STREAMS_CAP = 12


_DOCS: Final[Mapping[Anomaly, tuple[str, str, bool]]] = {
    Anomaly.TRUNCATED: ("A message or frame that ends before its fields do.", "4", True),
    Anomaly.BLOCK: ("A block that does not fit its message; those before are decoded.", "5.2", True),
    Anomaly.UNKNOWN_OPERATION: ("An operation of the interface that is not defined.", "5.2.1", True),
    Anomaly.UNASKED_RESPONSE: ("A response to a call that nobody made.", "5.2", False),
    Anomaly.CONTROLLER_CHANGED: ("Another controller connects to modules of a device whose connection was not released.", "5.2.3", False),
    Anomaly.FOREIGN_PROVIDER: ("Two devices send one consumer cyclic data under one frame id.", "4.7", False),
    Anomaly.CYCLES_LOST: ("Three cycles or more are missing in a row: the consumer takes the provider for gone.", "4.7.2.1.2", False),
    Anomaly.CYCLE_ORDER: (
        "A cycle counter that goes back, or stands still while the data change: frames of another origin in between.",
        "4.7.2.1.2",
        False,
    ),
    Anomaly.UNKNOWN_FRAME_ID: ("A frame id that is reserved: the frame was not decoded.", "4.2.2", True),
    Anomaly.TRANSFER_STATUS: ("A transfer status that says the data are not to be used.", "4.7.2.1.4", False),
    Anomaly.TOO_MANY_RECORDS: ("A message holds more records than one message is given rows for.", "", True),
    Anomaly.STREAMS_CAP: ("More cyclic relations than are followed: those beyond are counted only.", "", False),
}
ANOMALIES: Final[tuple[AnomalyKind, ...]] = tuple(
    AnomalyKind(code=kind.value, name=kind.name.lower().replace("_", "-"), doc=doc, clause=clause, hides=hides)
    for kind, (doc, clause, hides) in _DOCS.items()
)


def action_of(function: int, index: int) -> Action:
    """What a call does; of reads and writes by the record."""
    if function in (READ, READ_IMPLICIT):
        return Action.IDENTIFY if index in _IDENTITIES else Action.DIAGNOSE if index in _DIAGNOSES else Action.READ
    if function == WRITE:
        return Action.WRITE if 0 <= index < USER_RECORDS else Action.CONFIGURE
    return Action.CONNECT


def function_name(function: int, subfunction: int) -> str:
    """`connect`, `read`, `write`, `control_prm_end`, `alarm_pull`, `abort`, `cyclic_data`."""
    if function == CONTROL and subfunction in COMMANDS:
        return f"control_{COMMANDS[subfunction]}"
    if function == ALARM and subfunction >= 0:
        return f"alarm_{ALARMS.get(subfunction, subfunction)}"
    return FUNCTIONS.get(function, f"operation_{function}")


def status_name(status: int) -> str:
    """`ok`, or what the device answered: of records by name, of protocol machines by their two codes."""
    if status <= 0:
        return "ok" if status == 0 else "unknown"
    if status >= FAULT:
        return "error:rpc_fault"
    first, second = status >> 8 & 0xFF, status & 0xFF
    if status >= MACHINE:
        return f"error:{first}.{second}"
    return f"error:{_RECORD_ERRORS[first]}" if first in _RECORD_ERRORS else f"error:0x{first:02x}{second:02x}"


def place(start: int) -> str:
    """`slot 2 subslot 0x8001` of slot << 16 | subslot."""
    subslot = start & 0xFFFF
    return f"slot {start >> 16} subslot {subslot if subslot < 0x8000 else hex(subslot)}"


def object_name(row: Mapping[str, int]) -> str:
    """`slot 1 subslot 1 I&M0 (identification)`; of cyclic data the frame id."""
    if row["function"] in (CYCLIC, STATUS, CLOCK):
        return f"frame id 0x{row['object']:04x}"
    words = []
    if row["start"] >= 0:
        words.append(place(row["start"]))
    if row["function"] in (READ, WRITE, READ_IMPLICIT) and row["object"] >= 0:
        words.append(INDEXES.get(row["object"], f"record 0x{row['object']:x}"))
    return " ".join(words)


def is_answered(row: Mapping[str, int]) -> bool:
    """Every call is."""
    return row["function"] <= READ_IMPLICIT
