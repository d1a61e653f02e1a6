"""The recipes of docs/howto/siem-recipes.md that can be tried here: the real program, with the text of the page."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from otwatch.outputs.siem.bodies import BODIES
from otwatch.outputs.siem.community_id import community_id
from otwatch.outputs.siem.rfc5424 import message
from otwatch.outputs.siem.transport import connect, parse_target
from tests.outputs.siem.receivers import SENSOR, Rsyslog, event, wait_for

PAGE = (Path(__file__).parents[3] / "docs/howto/siem-recipes.md").read_text()


def recipe(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_rsyslog_writes_the_fields_of_the_events(tmp_path: Path) -> None:
    if not Path("/usr/lib/x86_64-linux-gnu/rsyslog/mmjsonparse.so").exists():
        pytest.skip("rsyslog has no mmjsonparse here")
    rsyslog = Rsyslog(tmp_path)  # for its command and ports; its configuration is the page's
    log = tmp_path / "otwatch.log"
    text = recipe("rsyslog").replace('port="601"', f'port="{rsyslog.ports["tcp"]}" address="127.0.0.1"').replace("/var/log/otwatch.log", str(log))
    (tmp_path / "rsyslog.conf").write_text(f'global(workDirectory="{tmp_path}")\nmodule(load="imudp")\n{text}'
                                           f'input(type="imudp" port="{rsyslog.ports["udp"]}" address="127.0.0.1" ruleset="otwatch")\n')
    checked = subprocess.run(["rsyslogd", "-N1", "-f", tmp_path / "rsyslog.conf"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    rsyslog.start()
    try:
        transport = connect(parse_target(f"tcp://127.0.0.1:{rsyslog.ports['tcp']}?format=ecs"))
        transport.send(message(event(), SENSOR, BODIES["ecs"]))
        transport.close()
        assert wait_for(lambda: log.exists() and log.read_text().endswith("\n"))
    finally:
        rsyslog.stop()
    identity = community_id("tcp", "10.0.3.66", 51200, "10.0.1.10", 502)
    assert log.read_text() == f"3 ot.unauthorized-write 10.0.3.66 10.0.1.10 success {identity}\n"


def test_the_patterns_of_the_page_fit_the_messages() -> None:
    """Logstash and Splunk take the header off with a pattern: it must leave the whole body, and nothing else."""
    whole = message(event(object="] { x", src_name='"] {"'), SENSOR, BODIES["json"]).decode()
    body = re.sub(r'^<\d+>1 .*?"\] (\{)', r"\1", whole)
    assert body == BODIES["json"](event(object="] { x", src_name='"] {"'), SENSOR)
    assert r's/^<\d+>1 .*?"\] (\{)/\1/' in PAGE
    assert r'^<%{NONNEGINT}>1 .*?"\] (?<body>\{.*)$' in PAGE
