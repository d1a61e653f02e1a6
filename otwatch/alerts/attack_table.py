"""ATT&CK for ICS version 19.1 as data: ids, names and tactics of all techniques, and the ids that version 18 used for nine of them.

Derived from ATT&CK for ICS. (c) The MITRE Corporation. This work is reproduced and distributed with the permission of The MITRE Corporation.
ATT&CK is a registered trademark of The MITRE Corporation.
"""

from __future__ import annotations

from typing import Final

VERSION: Final = "19.1"
RELEASED: Final = "2026-04-28"

_INITIAL = "Initial Access"
_EXECUTION = "Execution"
_PERSISTENCE = "Persistence"
_PRIVILEGE = "Privilege Escalation"
_EVASION = "Evasion"
_DISCOVERY = "Discovery"
_LATERAL = "Lateral Movement"
_COLLECTION = "Collection"
_COMMAND = "Command and Control"
_INHIBIT = "Inhibit Response Function"
_IMPAIR = "Impair Process Control"
_IMPACT = "Impact"

TABLE: Final[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
    ("T0800", "Activate Firmware Update Mode", (_INHIBIT,)),
    ("T0801", "Monitor Process State", (_COLLECTION,)),
    ("T0802", "Automated Collection", (_COLLECTION,)),
    ("T0806", "Brute Force I/O", (_IMPAIR,)),
    ("T0807", "Command-Line Interface", (_EXECUTION,)),
    ("T0809", "Data Destruction", (_INHIBIT,)),
    ("T0811", "Data from Information Repositories", (_COLLECTION,)),
    ("T0813", "Denial of Control", (_IMPACT,)),
    ("T0814", "Denial of Service", (_INHIBIT,)),
    ("T0815", "Denial of View", (_IMPACT,)),
    ("T0816", "Device Restart/Shutdown", (_INHIBIT,)),
    ("T0817", "Drive-by Compromise", (_INITIAL,)),
    ("T0819", "Exploit Public-Facing Application", (_INITIAL,)),
    ("T0820", "Exploitation for Evasion", (_EVASION,)),
    ("T0821", "Modify Controller Tasking", (_EXECUTION,)),
    ("T0822", "External Remote Services", (_INITIAL,)),
    ("T0823", "Graphical User Interface", (_EXECUTION,)),
    ("T0826", "Loss of Availability", (_IMPACT,)),
    ("T0827", "Loss of Control", (_IMPACT,)),
    ("T0828", "Loss of Productivity and Revenue", (_IMPACT,)),
    ("T0829", "Loss of View", (_IMPACT,)),
    ("T0830", "Adversary-in-the-Middle", (_COLLECTION,)),
    ("T0831", "Manipulation of Control", (_IMPACT,)),
    ("T0832", "Manipulation of View", (_IMPACT,)),
    ("T0834", "Native API", (_EXECUTION,)),
    ("T0835", "Manipulate I/O Image", (_INHIBIT,)),
    ("T0836", "Modify Parameter", (_IMPAIR,)),
    ("T0837", "Loss of Protection", (_IMPACT,)),
    ("T0838", "Modify Alarm Settings", (_INHIBIT,)),
    ("T0840", "Network Connection Enumeration", (_DISCOVERY,)),
    ("T0842", "Network Sniffing", (_DISCOVERY,)),
    ("T0843", "Program Download", (_LATERAL,)),
    ("T0843.001", "Program Download: Download All", (_LATERAL,)),
    ("T0843.002", "Program Download: Online Edit", (_LATERAL,)),
    ("T0843.003", "Program Download: Program Append", (_LATERAL,)),
    ("T0845", "Program Upload", (_COLLECTION,)),
    ("T0846", "Remote System Discovery", (_DISCOVERY,)),
    ("T0846.001", "Remote System Discovery: Port Scan", (_DISCOVERY,)),
    ("T0846.002", "Remote System Discovery: Broadcast Discovery", (_DISCOVERY,)),
    ("T0846.003", "Remote System Discovery: Multicast Discovery", (_DISCOVERY,)),
    ("T0847", "Replication Through Removable Media", (_INITIAL,)),
    ("T0848", "Rogue Master", (_INITIAL,)),
    ("T0849", "Masquerading", (_EVASION,)),
    ("T0851", "Rootkit", (_EVASION, _INHIBIT)),
    ("T0852", "Screen Capture", (_COLLECTION,)),
    ("T0853", "Scripting", (_EXECUTION,)),
    ("T0858", "Change Operating Mode", (_EXECUTION, _EVASION)),
    ("T0859", "Valid Accounts", (_PERSISTENCE, _LATERAL)),
    ("T0860", "Wireless Compromise", (_INITIAL,)),
    ("T0861", "Point & Tag Identification", (_COLLECTION,)),
    ("T0862", "Supply Chain Compromise", (_INITIAL,)),
    ("T0863", "User Execution", (_EXECUTION,)),
    ("T0864", "Transient Cyber Asset", (_INITIAL,)),
    ("T0865", "Spearphishing Attachment", (_INITIAL,)),
    ("T0866", "Exploitation of Remote Services", (_INITIAL, _LATERAL)),
    ("T0867", "Lateral Tool Transfer", (_LATERAL,)),
    ("T0868", "Detect Operating Mode", (_COLLECTION,)),
    ("T0869", "Standard Application Layer Protocol", (_COMMAND,)),
    ("T0871", "Execution through API", (_EXECUTION,)),
    ("T0872", "Indicator Removal on Host", (_EVASION,)),
    ("T0873", "Project File Infection", (_PERSISTENCE,)),
    ("T0873.001", "Project File Infection: Siemens Project File Format", (_PERSISTENCE,)),
    ("T0874", "Hooking", (_EXECUTION, _PRIVILEGE)),
    ("T0877", "I/O Image", (_COLLECTION,)),
    ("T0878", "Alarm Suppression", (_INHIBIT,)),
    ("T0879", "Damage to Property", (_IMPACT,)),
    ("T0880", "Loss of Safety", (_IMPACT,)),
    ("T0881", "Service Stop", (_INHIBIT,)),
    ("T0882", "Theft of Operational Information", (_IMPACT,)),
    ("T0883", "Internet Accessible Device", (_INITIAL,)),
    ("T0884", "Connection Proxy", (_COMMAND,)),
    ("T0885", "Commonly Used Port", (_COMMAND,)),
    ("T0886", "Remote Services", (_INITIAL, _LATERAL)),
    ("T0887", "Wireless Sniffing", (_DISCOVERY, _COLLECTION)),
    ("T0888", "Remote System Information Discovery", (_DISCOVERY,)),
    ("T0889", "Modify Program", (_PERSISTENCE,)),
    ("T0890", "Exploitation for Privilege Escalation", (_PRIVILEGE,)),
    ("T0892", "Change Credential", (_INHIBIT,)),
    ("T0893", "Data from Local System", (_COLLECTION,)),
    ("T0894", "System Binary Proxy Execution", (_EVASION,)),
    ("T0895", "Autorun Image", (_EXECUTION,)),
    ("T1691", "Block Operational Technology Message", (_INHIBIT,)),
    ("T1691.001", "Block Operational Technology Message: Command Message", (_INHIBIT,)),
    ("T1691.002", "Block Operational Technology Message: Reporting Message", (_INHIBIT,)),
    ("T1692", "Unauthorized Message", (_EVASION, _IMPAIR)),
    ("T1692.001", "Unauthorized Message: Command Message", (_EVASION, _IMPAIR)),
    ("T1692.002", "Unauthorized Message: Reporting Message", (_EVASION, _IMPAIR)),
    ("T1693", "Modify Firmware", (_PERSISTENCE, _INHIBIT, _IMPAIR)),
    ("T1693.001", "Modify Firmware: System Firmware", (_PERSISTENCE, _INHIBIT, _IMPAIR)),
    ("T1693.002", "Modify Firmware: Module Firmware", (_PERSISTENCE, _INHIBIT, _IMPAIR)),
    ("T1694", "Insecure Credentials", (_PERSISTENCE, _LATERAL)),
    ("T1694.001", "Insecure Credentials: Default Credentials", (_PERSISTENCE, _LATERAL)),
    ("T1694.002", "Insecure Credentials: Hardcoded Credentials", (_PERSISTENCE, _LATERAL)),
    ("T1695", "Block Communications", (_INHIBIT,)),
    ("T1695.001", "Block Communications: Serial COM", (_INHIBIT,)),
    ("T1695.002", "Block Communications: Ethernet", (_INHIBIT,)),
    ("T1695.003", "Block Communications: Wi-Fi", (_INHIBIT,)),
)

# Version 18 id -> its successor, and the name that version 18 gave it.
FORMER: Final[dict[str, tuple[str, str]]] = {
    "T0803": ("T1691.001", "Block Command Message"),
    "T0804": ("T1691.002", "Block Reporting Message"),
    "T0805": ("T1695.001", "Block Serial COM"),
    "T0812": ("T1694.001", "Default Credentials"),
    "T0839": ("T1693.002", "Module Firmware"),
    "T0855": ("T1692.001", "Unauthorized Command Message"),
    "T0856": ("T1692.002", "Spoof Reporting Message"),
    "T0857": ("T1693.001", "System Firmware"),
    "T0891": ("T1694.002", "Hardcoded Credentials"),
}
