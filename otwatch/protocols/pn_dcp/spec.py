"""Numbers of PROFINET DCP and their names, as data. Clauses are of IEC 61158-6-10."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from otwatch.actions import Action
from otwatch.vocabulary import AnomalyKind

ETHERTYPE: Final = 0x8892
HELLO_FRAME, GET_SET_FRAME, IDENTIFY_FRAME, ANSWER_FRAME = 0xFEFC, 0xFEFD, 0xFEFE, 0xFEFF
REFERENCES: Final = ("IEC 61158-6-10, 4.3 (DCP); IEC 61158-5-10", "PROFINET, PI order number 2.722")

GET, SET, IDENTIFY, HELLO = 3, 4, 5, 6
FUNCTIONS: Final[Mapping[int, str]] = {GET: "get", SET: "set", IDENTIFY: "identify", HELLO: "hello"}
FRAMES: Final[Mapping[tuple[int, bool], int]] = {  # (service, whether it answers) -> its frame id
    (GET, False): GET_SET_FRAME, (GET, True): GET_SET_FRAME, (SET, False): GET_SET_FRAME, (SET, True): GET_SET_FRAME,
    (IDENTIFY, False): IDENTIFY_FRAME, (IDENTIFY, True): ANSWER_FRAME, (HELLO, False): HELLO_FRAME,
    (HELLO, True): HELLO_FRAME,
}

OPTIONS: Final[Mapping[int, str]] = {
    1: "ip", 2: "device", 3: "dhcp", 5: "control", 6: "device_initiative", 7: "nme_domain", 8: "tsn_domain", 255: "all",
}
MANUFACTURER: Final = 0x80  # options from here to 0xFE are the manufacturer's

NAME, TYPE, DEVICE_ID, ROLE, ALIAS, INSTANCE, OEM_ID = 0x0202, 0x0201, 0x0203, 0x0204, 0x0206, 0x0207, 0x0208
MAC, IP_PARAMETER, IP_SUITE = 0x0101, 0x0102, 0x0103
SIGNAL, RESPONSE, FACTORY_RESET, RESET_TO_FACTORY, ALL = 0x0503, 0x0504, 0x0505, 0x0506, 0xFFFF
SUBOPTIONS: Final[Mapping[int, tuple[str, str]]] = {  # option << 8 | suboption -> name in functions, name for people
    MAC: ("mac", "MAC address"),
    IP_PARAMETER: ("ip_parameter", "IP parameters"),
    IP_SUITE: ("ip_suite", "IP parameters and name servers"),
    TYPE: ("type_of_station", "type of station"),
    NAME: ("name_of_station", "name of station"),
    DEVICE_ID: ("device_id", "vendor and device id"),
    ROLE: ("device_role", "device role"),
    0x0205: ("device_options", "options that the device supports"),
    ALIAS: ("alias_name", "alias name"),
    INSTANCE: ("device_instance", "device instance"),
    OEM_ID: ("oem_device_id", "OEM device id"),
    0x0209: ("standard_gateway", "standard gateway"),
    0x020A: ("rsi_properties", "remote service interface properties"),
    0x030C: ("dhcp_host_name", "DHCP host name"),
    0x032B: ("dhcp_vendor_specific", "DHCP vendor specific"),
    0x0336: ("dhcp_server", "DHCP server identifier"),
    0x0337: ("dhcp_parameters", "DHCP parameter request list"),
    0x033C: ("dhcp_class", "DHCP class identifier"),
    0x033D: ("dhcp_client", "DHCP client identifier"),
    0x0351: ("dhcp_fqdn", "DHCP domain name"),
    0x0361: ("dhcp_uuid", "DHCP UUID"),
    0x03FF: ("dhcp_control", "DHCP for address resolution"),
    0x0501: ("start_transaction", "start of a transaction"),
    0x0502: ("end_transaction", "end of a transaction"),
    SIGNAL: ("signal", "flashing of the LEDs"),
    RESPONSE: ("response", "response"),
    FACTORY_RESET: ("factory_reset", "factory settings"),
    RESET_TO_FACTORY: ("reset_to_factory", "reset to factory"),
    0x0601: ("device_initiative", "hello after power-on"),
    0x0701: ("nme_domain", "domain of the network management"),
    0x0801: ("tsn_domain", "TSN domain name"),
    ALL: ("all", "every device"),
}
# What a Set does, where it is not CONFIGURE
SET_ACTIONS: Final[Mapping[int, Action]] = {
    FACTORY_RESET: Action.RESTART, RESET_TO_FACTORY: Action.RESTART, SIGNAL: Action.OTHER, 0x0501: Action.OTHER, 0x0502: Action.OTHER,
}
ACTIONS: Final[Mapping[int, Action]] = {GET: Action.IDENTIFY, SET: Action.CONFIGURE, IDENTIFY: Action.BROWSE, HELLO: Action.REPORT}
RESETS: Final[Mapping[int, str]] = {  # BlockQualifier of reset to factory, without its lowest bit (4.3.1.4)
    2: "application data", 4: "communication parameters", 6: "engineering data", 8: "all stored data", 16: "device to factory values",
    18: "factory image",
}
ROLES: Final = ("IO device", "IO controller", "IO multidevice", "IO supervisor")  # bit 0 first

# Status: the block error of a Set or Get, or of the whole service.
BLOCK_ERRORS: Final = ("ok", "option_not_supported", "suboption_not_supported", "suboption_not_set", "resource_error", "not_possible", "in_operation")
UNSUPPORTED: Final = 256

# value_kind: what stands before the value in the block
PLAIN: Final = 1
QUALIFIED: Final = 2  # two bytes: temporary or permanent; of a reset, what is reset
TOLD: Final = 3  # two bytes: how the device came to it
OWN_NAME: Final = 4  # the same, of the name of station, whatever was asked for

NAME_BYTES: Final = 240  # of a name of station; a label has at most 63
CLAIM_NS: Final = 600_000_000_000  # a name or address claimed again this late may have moved to a replaced device

# Vendors of the devices that are met most, as PI assigned their numbers; others are told by number.
VENDORS: Final[Mapping[int, str]] = {
    0x002A: "Siemens", 0x00B0: "Phoenix Contact", 0x011D: "WAGO", 0x011E: "Hilscher", 0x0120: "Beckhoff", 0x012F: "Murrelektronik",
    0x0136: "ifm electronic", 0x013D: "Turck", 0x014D: "Festo", 0x0378: "Balluff",
}


class Anomaly(IntEnum):
    """Codes of ANOMALIES, as the dissector writes them."""

    TRUNCATED = 1
    BLOCK_LENGTH = 2
    UNKNOWN_SERVICE = 3
    UNKNOWN_OPTION = 4
    FRAME_ID = 5
    UNASKED_RESPONSE = 6
    CONFLICTING_RESPONSE = 7
    NAME_CONFLICT = 8
    IP_CONFLICT = 9
    IP_CONFLICT_REPORTED = 10
    NAME_SYNTAX = 11
    SET_TO_GROUP = 12
    TOO_MANY_BLOCKS = 13


_DOCS: Final[Mapping[Anomaly, tuple[str, str, bool]]] = {
    Anomaly.TRUNCATED: ("The frame ends before the length that its header gives.", "4.3.1", True),
    Anomaly.BLOCK_LENGTH: ("A block does not fit its message, or is too short for what it holds; those before are decoded.", "4.3.1.3", True),
    Anomaly.UNKNOWN_SERVICE: ("A service id or type that is not defined: its blocks were not decoded.", "4.3.1.2", True),
    Anomaly.UNKNOWN_OPTION: ("An option or suboption that is reserved.", "4.3.1.4", False),
    Anomaly.FRAME_ID: ("A service under the frame id of another.", "4.2.2", False),
    Anomaly.UNASKED_RESPONSE: ("A response to a transaction id that nobody asked with.", "4.3.2", False),
    Anomaly.CONFLICTING_RESPONSE: ("A second response of a device to one request, with other contents.", "4.3.2", False),
    Anomaly.NAME_CONFLICT: ("Two devices say that they have one name of station, within ten minutes.", "4.3.1.4", False),
    Anomaly.IP_CONFLICT: ("Two devices say that they have one IP address, within ten minutes.", "4.3.1.4", False),
    Anomaly.IP_CONFLICT_REPORTED: ("A device says that another has its IP address.", "4.3.1.4", False),
    Anomaly.NAME_SYNTAX: ("A name of station that the rules for names do not allow: other characters, or too long.", "4.3.1.4", False),
    Anomaly.SET_TO_GROUP: ("Set or Get was sent to a group address: the standard sends them to one device.", "4.3.2", False),
    Anomaly.TOO_MANY_BLOCKS: ("A message holds more blocks than one message is given rows for.", "", True),
}
ANOMALIES: Final[tuple[AnomalyKind, ...]] = tuple(
    AnomalyKind(code=kind.value, name=kind.name.lower().replace("_", "-"), doc=doc, clause=clause, hides=hides)
    for kind, (doc, clause, hides) in _DOCS.items())


def set_action(number: int, qualifier: int) -> Action:
    """What a Set does. A controller gives its devices their addresses until the next power-off whenever it connects; who keeps one configures."""
    if number in (IP_PARAMETER, IP_SUITE) and not qualifier & 1:
        return Action.CONNECT
    return SET_ACTIONS.get(number, ACTIONS[SET])


def suboption_name(number: int) -> str:
    """snake_case name of option << 8 | suboption."""
    known = SUBOPTIONS.get(number)
    return known[0] if known else f"option_{number >> 8}_{number & 0xFF}"


def function_name(function: int, subfunction: int) -> str:
    """`set_name_of_station`, `identify_all`, `get_ip_parameter`, `hello`."""
    name = FUNCTIONS.get(function, f"service_{function}")
    return f"{name}_{suboption_name(subfunction)}" if subfunction >= 0 and function != HELLO else name


def status_name(status: int) -> str:
    """`ok`, or why the device refused."""
    if status == UNSUPPORTED:
        return "error:service_not_supported"
    known = 0 <= status < len(BLOCK_ERRORS)
    return BLOCK_ERRORS[0] if status == 0 else f"error:{BLOCK_ERRORS[status] if known else status}"


def object_name(row: Mapping[str, int]) -> str:
    """`name of station`, `IP parameters`; empty where all devices are meant."""
    if row["area"] < 0:
        return ""
    number = row["area"] << 8 | row["object"]
    known = SUBOPTIONS.get(number)
    return known[1] if known else suboption_name(number).replace("_", " ")


def is_answered(row: Mapping[str, int]) -> bool:
    """Whether a request gets a response for sure: identification asks whoever fits, a hello asks nobody."""
    return row["function"] in (GET, SET)


def is_answer(first: bytes) -> bool:
    """Whether a frame answers: bit 0 of its service type."""
    return len(first) > 3 and bool(first[3] & 1)
