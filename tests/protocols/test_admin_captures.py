"""IT protocols on captures of real stacks: who says what, who did what to whom, and that no password goes anywhere."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.calling import otwatch
from tests.inventory.identities import compare

PLANT = Path(__file__).parents[2] / "pcaps" / "plant"
CAPTURES = sorted(path.stem for path in PLANT.glob("admin-*.pcap"))
WS, CONTROLLER, GUEST, ENG, HMI, OFFICE = (
    "192.168.10.31", "192.168.10.19", "192.168.10.77", "192.168.10.30", "192.168.10.20", "172.16.5.66"
)
# (on whom, by whom, kind, value) of each capture
ACTS = {
    "admin-smb-write": [(WS, GUEST, "share_opened", "ADMIN$"), (WS, GUEST, "file_written", "ADMIN$\\update.exe")],
    "admin-smb-read": [(WS, ENG, "share_opened", "RECIPES")],
    "admin-service": [
        (WS, OFFICE, "share_opened", "IPC$"), (WS, OFFICE, "rpc_interface", "svcctl"),
        (WS, OFFICE, "service_created", "updsvc: %SystemRoot%\\update.exe"), (WS, OFFICE, "service_started", "StartServiceW"),
    ],
    "admin-service-query": [(WS, ENG, "share_opened", "IPC$"), (WS, ENG, "rpc_interface", "svcctl")],
    "admin-task": [
        (WS, OFFICE, "share_opened", "IPC$"), (WS, OFFICE, "rpc_interface", "ITaskSchedulerService"), (WS, OFFICE, "task_scheduled", "\\update"),
    ],
    "admin-ftp-store": [
        (CONTROLLER, GUEST, "clear_text_credentials", "FTP password of operator"), (CONTROLLER, GUEST, "file_written", "firmware.bin"),
    ],
    "admin-ftp-fetch": [(CONTROLLER, ENG, "clear_text_credentials", "FTP password of operator"), (CONTROLLER, ENG, "file_read", "log.txt")],
    "admin-telnet": [
        (CONTROLLER, GUEST, "clear_text_credentials", "Telnet password of operator"), (CONTROLLER, GUEST, "shell_opened", "Telnet, as operator"),
    ],
    "admin-telnet-refused": [(CONTROLLER, GUEST, "clear_text_credentials", "Telnet password of operator")],
    "admin-web-login": [(CONTROLLER, ENG, "clear_text_credentials", "HTTP password of operator")],
    "admin-web": [],
    "admin-mqtt-login": [(WS, HMI, "clear_text_credentials", "MQTT password of operator")],
    "admin-mqtt": [],
    "admin-vnc": [(WS, OFFICE, "desktop_opened", "VNC, without authentication")],
}
SAID = {
    "admin-smb-write": [(WS, "smb_dialect", "SMB 2.0.2"), (GUEST, "name", "GUEST"), (GUEST, "user", "PLANT\\operator")],
    "admin-ftp-store": [(CONTROLLER, "ftp_banner", "M340 FTP server (Version 2.7) ready.")],
    "admin-telnet": [(CONTROLLER, "telnet_banner", "NPort 5110 console")],
    "admin-web": [(CONTROLLER, "http_server", "GoAhead-Webs/2.5")],
    "admin-mqtt": [(HMI, "mqtt_client_id", "hmi-1"), (HMI, "mqtt_published", "plant/line1/level"), (WS, "anonymous_login", "MQTT")],
    "admin-vnc": [(WS, "vnc_security", "none"), (WS, "vnc_version", "RFB 003.008")],
}


def facts(name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in otwatch("export", "facts", PLANT / f"{name}.pcap", "--output", "-").stdout.splitlines()]


@pytest.mark.parametrize("name", CAPTURES)
def test_what_was_done_and_said_is_found_once_and_nothing_else(name: str) -> None:
    found = facts(name)
    assert [(one["address"], one["by"], one["kind"], one["value"]) for one in found if one["by"]] == ACTS[name]
    said = [(one["address"], one["kind"], one["value"]) for one in found if not one["by"]]
    assert len(said) == len(set(said))
    assert set(SAID.get(name, [])) <= set(said)


@pytest.mark.parametrize("name", ["admin-smb-write", "admin-ftp-store", "admin-telnet", "admin-web-login", "admin-mqtt-login"])
def test_no_password_goes_anywhere_and_nobody_gets_a_role_by_it(name: str) -> None:
    told = otwatch("analyze", PLANT / f"{name}.pcap", "--format", "jsonl").stdout
    assert "letmein" not in told
    assert "b3BlcmF0b3I6bGV0bWVpbg" not in told  # the same as Basic writes it
    roles = {record["id"]: record["roles"] for record in map(json.loads, told.splitlines()) if record["type"] == "asset"}
    assert roles.get(CONTROLLER, ["controller"]) == ["controller"]
    assert set(roles.get(WS, [])) <= {"host", "server"}
    assert set(roles.get(GUEST, [])) <= {"host", "server"}


@pytest.mark.extended
@pytest.mark.tshark
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize("name", CAPTURES)
def test_tshark_prints_the_same_identities(name: str) -> None:
    compared = compare(PLANT / f"{name}.pcap")
    assert compared.missing == set()
    assert compared.invented == set()
