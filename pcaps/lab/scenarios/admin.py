"""Administration with IT protocols: what attackers do to stations and controllers by it, and what people do every day."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from scenarios.modbus import cycle, polling
from scenarios.scenario import Scenario

if TYPE_CHECKING:
    from recording import Recording

IMPACKET = ("the service manager and the task scheduler behind impacket's pipes accept everything and do nothing",)


def act(source: str, target: str, expected: str, call: str, **args: Any) -> Callable[[Recording], None]:
    """The HMI polls its controller and the one with services, `source` does one thing to `target`, the HMI polls on."""

    def play(recording: Recording) -> None:
        hmi = polling(recording)
        other = recording.session("hmi", "modbus", "plc-web")
        other.do("read_holding", start=0, count=10)
        other.do("read_holding", start=0, count=10)
        recording.session(source, "admin", target, expected=expected).do(call, **args)
        cycle(hmi)
        other.do("read_holding", start=0, count=10)

    return play


SERVERS = ("plc-mb", "plc-web", "ws")
SCENARIOS = tuple(
    Scenario("admin-" + name, shows, SERVERS, play, IMPACKET)
    for name, shows, play in (
        ("smb-write", "attack: a program is copied to the ADMIN$ share of a station",
         act("guest", "ws", "attack", "smb_write", share="ADMIN$", path="\\update.exe")),
        ("smb-read", "benign: a recipe is read from a station's share", act("eng", "ws", "benign", "smb_read", share="RECIPES", path="\\mix.csv")),
        ("service", "attack: a service is created and started on a station from the network",
         act("itpc", "ws", "attack", "service_create", name="updsvc", program="%SystemRoot%\\update.exe")),
        ("service-query", "benign: the service manager of a station is opened from the network", act("eng", "ws", "benign", "service_query")),
        ("task", "attack: a task is scheduled on a station from the network", act("itpc", "ws", "attack", "task_register", path="\\update")),
        ("ftp-store", "attack: a file is stored on a controller by FTP", act("guest", "plc-web", "attack", "ftp_store", name="firmware.bin")),
        ("ftp-fetch", "benign: a log is fetched from a controller by FTP", act("eng", "plc-web", "benign", "ftp_fetch", name="log.txt")),
        ("telnet", "attack: somebody logs in to a controller by Telnet", act("guest", "plc-web", "attack", "telnet")),
        ("telnet-refused", "attack: a wrong password for a controller's Telnet", act("guest", "plc-web", "attack", "telnet", password="wrong")),
        ("web-login", "benign: an engineer opens a controller's page with a password in clear text",
         act("eng", "plc-web", "benign", "web", path="/rack", login=True)),
        ("web", "benign: an engineer opens a controller's page", act("eng", "plc-web", "benign", "web", path="/open")),
        ("mqtt-login", "benign: the HMI publishes with a password in clear text",
         act("hmi", "ws", "benign", "mqtt_publish", topic="plant/line1/temperature", login=True)),
        ("mqtt", "benign: the HMI publishes without a user name", act("hmi", "ws", "benign", "mqtt_publish", topic="plant/line1/level", login=False)),
        ("vnc", "attack: a station's desktop is opened without a password", act("itpc", "ws", "attack", "vnc_open")),
    )
)
