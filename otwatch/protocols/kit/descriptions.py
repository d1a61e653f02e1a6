"""What the description that a device gives itself (SNMP sysDescr, LLDP system description, CDP version) says plainly: maker, model, version.

Only forms that makers are known to write are read; of any other the text stands as it is, and nothing is guessed from it.
"""

from __future__ import annotations

import re
from typing import Final

Said = list[tuple[str, str]]  # kind of a fact, value

# Such as: Siemens, SIMATIC NET, SCALANCE X208, 6GK5 208-0BA10-2AA3, HW: 5, FW: V4.03, VPC8521144
_ORDER_NUMBER: Final = re.compile(r"6[A-Z]{2}\d ?[0-9A-Z]{3}-[0-9A-Z]{5}(?:-[0-9A-Z]{3,4})?\Z")
_VERSION: Final = re.compile(r"(HW|FW): *(?:Version )?(?:V\.? ?)?(\S.*)\Z")
_SERIAL: Final = re.compile(r"(?:S[CVNZ]? [A-Z]-)?[A-Z0-9]{8,20}\Z")
_FAMILIES: Final = ("SIMATIC", "SINUMERIK", "SINAMICS", "RUGGEDCOM", "SITOP", "SENTRON")
# Such as: Cisco IOS Software, C2960 Software (C2960-LANBASEK9-M), Version 12.2(55)SE, RELEASE SOFTWARE (fc2)
_CISCO: Final = re.compile(r"Cisco (?:IOS|Internetwork Operating System|Nexus|Adaptive Security)[^\0]*?Version ([^\s,]+)")
# Such as: Hardware: x86 Family 6 Model 45 Stepping 2 AT/AT COMPATIBLE - Software: Windows Version 6.1 (Build 7601 Multiprocessor Free)
_WINDOWS: Final = re.compile(r"Hardware: .* - Software: Windows(?: 2000)? Version ([\d.]+) \(Build (\d+)")
# Such as: Linux plc7 4.9.0-8-amd64 #1 SMP Debian 4.9.130-2 (2018-10-27) x86_64
_LINUX: Final = re.compile(r"Linux \S+ (\d+\.\d+\S*) #\d+")
_MOXA: Final = re.compile(r"(?:Moxa|MOXA) (?:EtherDevice Switch )?((?:EDS|IKS|ICS|NPort|MGate|TAP|AWK|SDS|PT)-?[\w-]+)\Z")


def described(description: str) -> Said:
    """(kind, value) of what a description plainly says."""
    if description.startswith("Siemens"):
        return _siemens([part.strip() for part in description.split(",")])
    if match := _CISCO.match(description):
        return [("vendor", "Cisco"), ("firmware", match[1])]
    if match := _WINDOWS.match(description):
        return [("os", f"Windows {match[1]} (build {match[2]})")]
    if match := _LINUX.match(description):
        return [("os", f"Linux {match[1]}")]
    if match := _MOXA.match(description):
        return [("vendor", "Moxa"), ("model", match[1])]
    return []


def _siemens(parts: list[str]) -> Said:
    """Maker, family, model, order number, hardware, firmware, serial number, parted by commas; nothing where it does not begin like that."""
    if parts[0] not in ("Siemens", "Siemens AG", "SIEMENS AG") or len(parts) < 3 or not parts[1].startswith(_FAMILIES):
        return []
    said = [("vendor", "Siemens"), ("model", parts[2])]
    versions = False
    for part in parts[3:]:
        if _ORDER_NUMBER.match(part):
            said.append(("order_number", part))
        elif match := _VERSION.match(part):
            versions = True
            said.append(("hardware" if match[1] == "HW" else "firmware", match[2].strip() if match[1] == "HW" else f"V{match[2].strip()}"))
        elif versions and _SERIAL.match(part):  # what stands last
            said.append(("serial", part))
    return said
