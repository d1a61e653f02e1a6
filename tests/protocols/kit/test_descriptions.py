"""What a description plainly says, and that nothing is guessed of others."""

from __future__ import annotations

import pytest

from otwatch.protocols.kit.descriptions import described


@pytest.mark.parametrize(
    ("description", "said"),
    [
        ("Siemens, SIMATIC NET, SCALANCE X208, 6GK5 208-0BA10-2AA3, HW: 5, FW: V4.03, VPC8521144",
         {"vendor": "Siemens", "model": "SCALANCE X208", "order_number": "6GK5 208-0BA10-2AA3",
          "hardware": "5", "firmware": "V4.03", "serial": "VPC8521144"}),
        ("Siemens, SIMATIC S7, CPU-1200, 6ES7 215-1AG40-0XB0, HW: 10, FW: V.4.3.1, S V-L8BT7803",
         {"vendor": "Siemens", "model": "CPU-1200", "order_number": "6ES7 215-1AG40-0XB0",
          "hardware": "10", "firmware": "V4.3.1", "serial": "S V-L8BT7803"}),
        ("Cisco IOS Software, C2960 Software (C2960-LANBASEK9-M), Version 12.2(55)SE, RELEASE SOFTWARE (fc2)",
         {"vendor": "Cisco", "firmware": "12.2(55)SE"}),
        ("Hardware: x86 Family 6 Model 45 Stepping 2 AT/AT COMPATIBLE - Software: Windows Version 6.1 (Build 7601 Multiprocessor Free)",
         {"os": "Windows 6.1 (build 7601)"}),
        ("Linux plc7 4.9.0-8-amd64 #1 SMP Debian 4.9.130-2 (2018-10-27) x86_64", {"os": "Linux 4.9.0-8-amd64"}),
        ("Moxa EDS-408A", {"vendor": "Moxa", "model": "EDS-408A"}),
        ("A box that runs Linux", {}), ("Siemens", {}), ("Siemens, a switch, model 7", {}), ("", {}), ("Version 1.2", {}),
    ],
)
def test_descriptions(description: str, said: dict[str, str]) -> None:
    assert dict(described(description)) == said
