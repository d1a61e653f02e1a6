"""DNP3: every dangerous operation in a small capture, and beside it the harmless twin that must stay quiet."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from scenarios.scenario import OPENDNP3, Scenario

if TYPE_CHECKING:
    from recording import Recording, Session


def polling(recording: Recording, cycles: int = 3) -> Session:
    hmi = recording.session("hmi", "dnp3", "rtu")
    for _ in range(cycles):
        cycle(hmi)
    return hmi


def cycle(hmi: Session) -> None:
    hmi.do("events")
    hmi.do("read_range", group=30, variation=1, start=0, stop=3)
    time.sleep(0.2)


def stranger(recording: Recording, *calls: tuple[str, dict[str, object]]) -> None:
    """The HMI polls, a stranger does `calls`, the HMI polls on."""
    hmi = polling(recording)
    other = recording.session("guest", "dnp3", "rtu", expected="attack")
    for call, args in calls:
        other.do(call, **args)
    cycle(hmi)


def poll(recording: Recording) -> None:
    hmi = polling(recording, 6)
    hmi.do("integrity")
    for group, variation in ((1, 2), (10, 2), (20, 1), (40, 1)):
        hmi.do("read_all", group=group, variation=variation)


def unsolicited(recording: Recording) -> None:
    polling(recording, 1)
    time.sleep(7)


def operate_operator(recording: Recording) -> None:
    hmi = polling(recording)
    hmi.do("select_operate", index=0, code="latch_on", note="operator closes feeder 1")
    cycle(hmi)
    hmi.do("select_analog", index=1, value=12.5, note="operator sets the tap")
    hmi.do("select_operate", index=0, code="latch_off", note="operator opens feeder 1")
    cycle(hmi)


def direct_operate(recording: Recording) -> None:
    trip = {"index": 1, "code": "pulse_on", "trip": "trip"}
    stranger(recording, ("direct_operate", trip), ("direct_analog", {"index": 0, "value": 99.0}))


def no_answer(recording: Recording) -> None:
    stranger(recording, ("direct_operate_no_answer", {"index": 2}))


def select_operate(recording: Recording) -> None:
    stranger(recording, ("select_operate", {"index": 0, "code": "latch_off"}))


def cold_restart(recording: Recording) -> None:
    stranger(recording, ("cold_restart", {}))


def warm_restart(recording: Recording) -> None:
    stranger(recording, ("warm_restart", {}))


def stop_application(recording: Recording) -> None:
    stranger(recording, ("stop_application", {}), ("start_application", {}), ("initialize_data", {}))


def disable_unsolicited(recording: Recording) -> None:
    """By the HMI's own session, long after its start-up: an attacker that speaks in its place would do this."""
    hmi = polling(recording, 5)
    hmi.do("disable_unsolicited", expected="attack")
    cycle(hmi)


def write_time(recording: Recording) -> None:
    stranger(recording, ("write_time", {}))


def freeze_clear(recording: Recording) -> None:
    stranger(recording, ("freeze_clear", {}))


def file_write(recording: Recording) -> None:
    stranger(recording, ("write_file", {"name": "config.xml", "data": "3c783e"}), ("delete_file", {"name": "log.txt"}))


def file_read(recording: Recording) -> None:
    polling(recording)
    recording.session("eng", "dnp3", "rtu", expected="engineering").do("read_file", name="config.xml")


RTU = ("rtu",)
SCENARIOS = tuple(
    Scenario("dnp3-" + name, shows, RTU, play, OPENDNP3)
    for name, shows, play in (
        ("poll", "benign: an HMI polls events, classes and ranges", poll),
        ("unsolicited", "benign: the outstation sends unsolicited responses, the HMI confirms", unsolicited),
        ("operate-operator", "benign: the HMI operates by select and operate (functions 3, 4)", operate_operator),
        ("operate-stranger", "attack: a stranger operates by select and operate (functions 3, 4)", select_operate),
        ("direct-operate", "attack: a stranger trips a breaker and sets an analog output (function 5)", direct_operate),
        ("direct-operate-no-answer", "attack: a stranger operates without acknowledgement (function 6)", no_answer),
        (
            "cold-restart",
            "attack: a stranger restarts the outstation (function 13); the HMI starts up again",
            cold_restart,
        ),
        ("warm-restart", "attack: a stranger restarts the outstation (function 14)", warm_restart),
        (
            "stop-application",
            "attack: a stranger stops and starts applications, initialises data (functions 18, 17, 15)",
            stop_application,
        ),
        (
            "disable-unsolicited",
            "attack: unsolicited responses are switched off in mid-session (function 21)",
            disable_unsolicited,
        ),
        ("write-time", "attack: a stranger sets the outstation's time (function 2, g50v1)", write_time),
        ("freeze-clear", "attack: a stranger clears counters (function 9)", freeze_clear),
        ("file-write", "attack: a stranger writes and deletes files (functions 25, 2, 26, 27)", file_write),
        ("file-read", "benign: the engineering station reads a file (functions 25, 1, 26)", file_read),
    )
)
