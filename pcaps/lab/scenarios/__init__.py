"""What is played in the lab. A scenario is data plus one function; the name is the name of the capture."""

from __future__ import annotations

from scenarios import admin, bacnet, dnp3, enip, iec104, lateral, modbus, opcua, plant, s7comm
from scenarios.scenario import Scenario

SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario for module in (plant, modbus, s7comm, dnp3, iec104, bacnet, enip, opcua, lateral, admin) for scenario in module.SCENARIOS
}
