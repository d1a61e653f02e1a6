"""What the result supports of the requirements of standards: facts with counts, and what traffic cannot show. It supports; it never complies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from otwatch.inventory.inventory import Talk
from otwatch.outputs.result import Result
from otwatch.outputs.story import plural
from otwatch.outputs.view.model import View
from otwatch.outputs.view.plant import AssetRow, EvidenceRow, Writers
from otwatch.site.site import Site

_IEC: Final = "IEC 62443-3-3"
_NIS2: Final = "NIS2 Art. 21(2)"
_CIP: Final = "NERC CIP-015-1"
_REMOTE: Final = frozenset({"ssh", "rdp", "vnc", "telnet", "winrm", "teamviewer"})
_CLEAR: Final = frozenset({"telnet", "ftp", "http", "tftp", "snmp", "vnc"})
_PROTECTED: Final = frozenset({"https", "ssh", "tls", "foxs", "modbus-tls", "dnp3-tls", "opcua-tls"})


def evidence_of(
    result: Result,
    view: View,
    assets: Sequence[AssetRow],
    writers: Writers,
    talks: Iterable[Talk],
    crossings: int,
    site: Site | None,
    monitoring: Sequence[str] = (),
) -> tuple[EvidenceRow, ...]:
    """The rows that a result can fill. `monitoring`: what the manifests of a lake prove."""
    services = [(talk.service.rstrip("?"), talk) for talk in talks]
    remote = sum(name in _REMOTE and bool(talk.counts["payload_to_client"]) for name, talk in services)
    clear = sum(name in _CLEAR and bool(talk.counts["payload_to_client"]) for name, talk in services)
    protected = sum(name in _PROTECTED and bool(talk.counts["payload_to_client"]) for name, talk in services)
    by_rule: dict[str, int] = {}
    for alert in result.alerts:
        for rule in (alert.rule, *(also.rule for also in alert.evidence.also)):
            by_rule[rule] = by_rule.get(rule, 0) + 1

    def raised(*names: str) -> str:
        return plural(sum(count for rule, count in by_rule.items() if rule in names or rule.partition(".")[0] in names), "alert")

    commands = sum(cell.count for cell in writers.cells.values())
    allowed = sum(cell.state == "allowed" for cell in writers.cells.values())
    pairs = plural(len(writers.cells) + writers.pairs_left_out, "pair")
    said = f"{allowed} of them in the site file" if site is not None else "no site file says which are allowed"
    rules = view.coverage.rules
    judged = f"{rules.judged} of {rules.applicable} rules judged"
    zones = {asset.zone for asset in assets if asset.zone}
    declared = f", {len(site.conduits)} conduits declared" if site is not None else ", none declared (no site file)"
    malformed = sum(result.anomalies.values())
    identified = sum(bool(asset.model or asset.order_number) for asset in assets)
    versions = sum(bool(asset.firmware) for asset in assets)
    public = sum(asset.level == 5 for asset in assets)
    inventory = f"{plural(len(assets), 'asset')}: {identified} with a model or order number, {versions} with a firmware version"
    incidents = f"{plural(view.verdict.incidents, 'incident')}, {plural(view.verdict.notes, 'note')}, each with times and frames"
    hashes = (f"{plural(len(result.captures), 'capture')} with SHA-256 in this report",) if result.captures else tuple(monitoring)
    unproven = "that anybody read them" + ("; that the sensor saw all it should; a head that was kept elsewhere proves the end" if monitoring else "")
    return tuple(
        EvidenceRow(standard=standard, requirement=requirement, facts=facts, cannot_show=cannot)
        for standard, requirement, facts, cannot in (
            (
                _IEC,
                "SR 1.1, 1.2, 1.11, 1.13 identification and access",
                (
                    f"{plural(clear, 'conversation')} with services in clear text",
                    f"failed logins: {raised('ot.login-failures', 'network.login-attempts')}",
                    f"{plural(remote, 'remote session conversation')}; access from other zones: {raised('lateral')}",
                ),
                "accounts, passwords, multi-factor authentication",
            ),
            (
                _IEC,
                "SR 2.1, 2.6, 2.8, 2.11 use control",
                (
                    f"{pairs} of writer and target, {said}",
                    f"{plural(commands, 'command')} with time and frame",
                    f"unknown writers: {raised('ot.unauthorized-write', 'ot.unauthorized-configuration')}",
                ),
                "rights inside the devices; the person at the keyboard",
            ),
            (
                _IEC,
                "SR 3.1, 3.4, 3.5, 3.8 integrity",
                (
                    f"{plural(malformed, 'malformed or irregular message')}",
                    f"spoofed or deviating responses: {raised('modbus.spoofed-response', 'dnp3.spoofed-response', 'ot.deviating-response')}",
                    f"program and firmware changes: {raised('ot.program-download', 'ot.program-delete', 'ot.firmware')}",
                ),
                "memory of the devices, malware (SR 3.2)",
            ),
            (_IEC, "SR 4.1, 4.3 confidentiality", (f"{plural(clear, 'conversation')} in clear text, {protected} protected",), "storage, keys"),
            (
                _IEC,
                "SR 5.1-5.4 restricted data flow",
                (
                    f"{plural(len(zones), 'zone')} observed{declared}",
                    f"{plural(crossings, 'conversation')} across zones",
                    f"{plural(public, 'asset')} with a public address; internet and OT: {raised('network.internet-to-ot', 'network.ot-to-internet')}",
                ),
                "filters that were never tried, other paths",
            ),
            (_IEC, "SR 6.1, 6.2 monitoring", (incidents, *([judged] if rules.applicable else []), view.verdict.judged, *monitoring), unproven),
            (
                _IEC,
                "SR 7.1, 7.6-7.8 availability and inventory",
                (inventory, f"floods and silences: {raised('network.flood', 'ot.request-flood', 'ot.command-flood', 'ot.silent-device')}"),
                "quiet devices, backups (SR 7.3)",
            ),
            (_NIS2, "a, i risk and assets", (inventory,), "policies, training"),
            (_NIS2, "b incident handling (Art. 23: 24 h, 72 h, 1 month)", (incidents,), "whether an incident is significant"),
            (
                _NIS2,
                "d, g, h, j supply chain, hygiene, encryption, access",
                (f"{plural(remote, 'remote session conversation')}, {protected} protected",),
                "contracts, continuity (c)",
            ),
            (_CIP, "R1.1, R1.2 feeds and detection", (*hashes, *([judged] if rules.applicable else [])), "scope and rationale"),
            (_CIP, "R1.3, R2, R3 evaluation, retention, protection", (incidents, *hashes), "retention duty, rights on the store"),
        )
    )
