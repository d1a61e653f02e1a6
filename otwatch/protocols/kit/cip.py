"""What EtherNet/IP, CIP and those who ride on it have in common: kinds of carried messages, vendors and types of devices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# pdus.framing of what EtherNet/IP hands to CIP
UNCONNECTED, CONNECTED, IO, REFUSED = 0, 1, 2, 3
# pdus.framing of what CIP hands on
REQUEST, RESPONSE = 0, 1

VENDORS: Final[Mapping[int, str]] = {  # ODVA vendor ids: those that plants have most
    1: "Rockwell Automation/Allen-Bradley", 3: "Honeywell", 4: "Parker Hannifin", 5: "Rockwell Automation/Reliance Electric", 7: "SMC", 8: "Molex",
    12: "Banner Engineering", 13: "Belden", 26: "Festo", 37: "Yaskawa (Magnetek)", 40: "WAGO", 42: "IMI Norgren", 43: "Balluff", 44: "Yaskawa",
    46: "ABB Industrial Systems", 47: "Omron", 48: "Turck", 50: "Real Time Automation", 52: "Numatics", 56: "Softing", 57: "Pepperl+Fuchs",
    68: "Eaton", 71: "Toshiba International", 75: "ABB Robotics", 77: "Rockwell Software", 82: "Mitsubishi Electric Automation", 87: "Bürkert",
    90: "HMS Industrial Networks", 94: "Advantech", 97: "Danfoss", 100: "Bosch Rexroth Pneumatics", 108: "Beckhoff", 121: "KUKA",
    145: "Siemens Energy & Automation/Drives", 161: "Mitsubishi Electric", 176: "Red Lion", 243: "Schneider Automation", 250: "Yokogawa",
    255: "Bosch Rexroth", 256: "Turck", 283: "Hilscher", 287: "Bosch Rexroth Indramat", 309: "ProSoft Technology", 315: "SEW-Eurodrive",
    322: "ifm efector", 326: "GE Fanuc", 345: "Endress+Hauser", 356: "Fanuc Robotics", 367: "Keyence", 416: "Nordson", 445: "Lenze",
    562: "Phoenix Contact", 591: "FANUC", 634: "Hirschmann", 640: "Murrelektronik", 645: "Bihl+Wiedemann", 666: "Mettler-Toledo", 678: "Cognex",
    680: "Weidmüller", 722: "ABB", 740: "Camozzi", 796: "Siemens Energy & Automation", 808: "SICK", 887: "B&R Industrial Automation", 939: "Cisco",
    991: "Moxa", 1015: "Weidmüller Interface", 1083: "ABB Global Services", 1182: "Endress+Hauser",
}
DEVICE_TYPES: Final[Mapping[int, str]] = {  # The CIP Networks Library, volume 1, 6-7
    0x02: "AC drive", 0x03: "motor overload", 0x04: "limit switch", 0x05: "proximity switch", 0x06: "photoelectric sensor", 0x07: "discrete I/O",
    0x09: "resolver", 0x0C: "communications adapter", 0x0E: "programmable logic controller", 0x10: "position controller", 0x13: "DC drive",
    0x15: "contactor", 0x16: "motor starter", 0x17: "softstart", 0x18: "human-machine interface", 0x1A: "mass flow controller",
    0x1B: "pneumatic valve", 0x1C: "vacuum gauge", 0x1D: "process control valve", 0x22: "encoder", 0x23: "safety discrete I/O",
    0x24: "fluid flow controller", 0x25: "CIP Motion drive", 0x28: "CIP Modbus device", 0x29: "CIP Modbus translator", 0x2A: "safety analog I/O",
    0x2B: "generic device (keyable)", 0x2C: "managed Ethernet switch", 0x2D: "CIP Motion safety drive", 0x2E: "safety drive",
    0x2F: "CIP Motion encoder", 0x33: "circuit breaker", 0x34: "HART device", 0x35: "CIP-HART translator", 0xC8: "embedded component",
}


def vendor(number: int) -> str:
    """The name of a vendor id, or the id."""
    return VENDORS.get(number, f"vendor {number}")


def device_type(number: int) -> str:
    """The name of a device type, or its number."""
    return DEVICE_TYPES.get(number, f"device type {number:#04x}")
