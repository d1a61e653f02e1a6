"""MITRE ATT&CK for ICS: the techniques that rules name, with tactics.

Derived from ATT&CK for ICS. (c) The MITRE Corporation. This work is reproduced and distributed with the permission of The MITRE Corporation.
ATT&CK is a registered trademark of The MITRE Corporation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_INITIAL, _EXECUTION, _PERSISTENCE, _EVASION = "Initial Access", "Execution", "Persistence", "Evasion"
_DISCOVERY, _LATERAL, _COLLECTION, _COMMAND = "Discovery", "Lateral Movement", "Collection", "Command and Control"
_INHIBIT, _IMPAIR, _IMPACT = "Inhibit Response Function", "Impair Process Control", "Impact"


@dataclass(frozen=True, slots=True)
class Technique:
    """One technique."""

    id: str
    name: str
    tactics: tuple[str, ...]

    @property
    def url(self) -> str:
        """Its page."""
        return f"https://attack.mitre.org/techniques/{self.id}/"


_TABLE: Final[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
    ("T0801", "Monitor Process State", (_COLLECTION,)),
    ("T0802", "Automated Collection", (_COLLECTION,)),
    ("T0803", "Block Command Message", (_INHIBIT,)),
    ("T0804", "Block Reporting Message", (_INHIBIT,)),
    ("T0805", "Block Serial COM", (_INHIBIT,)),
    ("T0806", "Brute Force I/O", (_IMPAIR,)),
    ("T0807", "Command-Line Interface", (_EXECUTION,)),
    ("T0809", "Data Destruction", (_INHIBIT,)),
    ("T0812", "Default Credentials", (_LATERAL,)),
    ("T0813", "Denial of Control", (_IMPACT,)),
    ("T0814", "Denial of Service", (_INHIBIT,)),
    ("T0815", "Denial of View", (_IMPACT,)),
    ("T0816", "Device Restart/Shutdown", (_INHIBIT,)),
    ("T0821", "Modify Controller Tasking", (_EXECUTION,)),
    ("T0822", "External Remote Services", (_INITIAL,)),
    ("T0829", "Loss of View", (_IMPACT,)),
    ("T0830", "Adversary-in-the-Middle", (_COLLECTION,)),
    ("T0831", "Manipulation of Control", (_IMPACT,)),
    ("T0832", "Manipulation of View", (_IMPACT,)),
    ("T0835", "Manipulate I/O Image", (_INHIBIT,)),
    ("T0836", "Modify Parameter", (_IMPAIR,)),
    ("T0837", "Loss of Protection", (_IMPACT,)),
    ("T0838", "Modify Alarm Settings", (_INHIBIT,)),
    ("T0839", "Module Firmware", (_PERSISTENCE, _IMPAIR)),
    ("T0840", "Network Connection Enumeration", (_DISCOVERY,)),
    ("T0843", "Program Download", (_LATERAL,)),
    ("T0845", "Program Upload", (_COLLECTION,)),
    ("T0846", "Remote System Discovery", (_DISCOVERY,)),
    ("T0848", "Rogue Master", (_INITIAL,)),
    ("T0849", "Masquerading", (_EVASION,)),
    ("T0855", "Unauthorized Command Message", (_IMPAIR,)),
    ("T0856", "Spoof Reporting Message", (_EVASION, _IMPAIR)),
    ("T0857", "System Firmware", (_PERSISTENCE, _INHIBIT)),
    ("T0858", "Change Operating Mode", (_EXECUTION, _EVASION)),
    ("T0859", "Valid Accounts", (_PERSISTENCE, _LATERAL)),
    ("T0860", "Wireless Compromise", (_INITIAL,)),
    ("T0861", "Point & Tag Identification", (_COLLECTION,)),
    ("T0864", "Transient Cyber Asset", (_INITIAL,)),
    ("T0866", "Exploitation of Remote Services", (_INITIAL, _LATERAL)),
    ("T0867", "Lateral Tool Transfer", (_LATERAL,)),
    ("T0868", "Detect Operating Mode", (_COLLECTION,)),
    ("T0869", "Standard Application Layer Protocol", (_COMMAND,)),
    ("T0871", "Execution through API", (_EXECUTION,)),
    ("T0872", "Indicator Removal on Host", (_EVASION,)),
    ("T0878", "Alarm Suppression", (_INHIBIT,)),
    ("T0880", "Loss of Safety", (_IMPACT,)),
    ("T0881", "Service Stop", (_INHIBIT,)),
    ("T0883", "Internet Accessible Device", (_INITIAL,)),
    ("T0884", "Connection Proxy", (_COMMAND,)),
    ("T0885", "Commonly Used Port", (_COMMAND,)),
    ("T0886", "Remote Services", (_INITIAL, _LATERAL)),
    ("T0888", "Remote System Information Discovery", (_DISCOVERY,)),
    ("T0889", "Modify Program", (_PERSISTENCE,)),
    ("T0892", "Change Credential", (_INHIBIT,)),
)

TECHNIQUES: Final[dict[str, Technique]] = {number: Technique(number, name, tactics) for number, name, tactics in _TABLE}


def technique_text(number: str) -> str:
    """`T0855 Unauthorized Command Message`; the bare id when it is not in the table."""
    known = TECHNIQUES.get(number)
    return f"{number} {known.name}" if known else number
