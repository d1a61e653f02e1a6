"""The CSV files that NetBox imports."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from otwatch.inventory.asset import KnownFact
from otwatch.outputs.netbox import COLUMNS, netbox_tables, write_netbox
from tests.outputs.report.plants import asset

# Fields of NetBox's bulk import forms (netbox 4: forms/bulk_import.py of dcim, ipam and extras); those that it insists on are marked.
FIELDS = {
    "01-sites.csv": "name! slug! status! region group tenant facility time_zone description physical_address shipping_address latitude longitude "
    "comments tags",
    "02-tags.csv": "name! slug! color description weight object_types",
    "03-manufacturers.csv": "name! slug! description tags",
    "04-device-roles.csv": "name! slug! parent color vm_role config_template description comments tags",
    "05-device-types.csv": "manufacturer! default_platform model! slug! part_number u_height exclude_from_utilization is_full_depth "
    "subdevice_role airflow description weight weight_unit comments tags",
    "06-devices.csv": "name role! tenant manufacturer! device_type! platform serial asset_tag status! site! location rack position face latitude "
    "longitude parent device_bay airflow virtual_chassis vc_position vc_priority cluster description config_template comments tags",
    "07-interfaces.csv": "device! name! label parent bridge lag type! speed duplex enabled mark_connected wwn vdcs mtu mgmt_only description "
    "poe_mode poe_type mode vlan_group untagged_vlan tagged_vlans qinq_svlan vrf rf_role rf_channel rf_channel_frequency rf_channel_width "
    "tx_power tags",
    "08-mac-addresses.csv": "mac_address! device virtual_machine interface is_primary description comments tags",
    "09-ip-addresses.csv": "address! vrf tenant status! role device virtual_machine interface fhrp_group is_primary is_oob dns_name description "
    "comments tags",
}


def said(kind: str, value: str) -> KnownFact:
    return KnownFact(kind=kind, value=value, source="s7comm.szl_001c", confidence=1.0, frame=7, file="x.pcap")


PLANT = [
    asset("192.168.0.3", vendor="Siemens", vendor_source="fact", macs=["00:1b:1b:00:00:03"], facts=[
        said("model", "CPU 315-2 PN/DP"), said("order_number", "6ES7 315-2EH14-0AB0"), said("serial", "S C-X"),
    ]),
    asset("192.168.0.4", "outstation", unidentified_reason="no message that names a model was seen"),
    asset("192.168.0.4", "host", facts=[said("name", "=cmd|'/c calc'!A1")]),
]


def test_the_columns_are_those_of_netbox() -> None:
    assert set(COLUMNS) == set(FIELDS)
    for file, columns in COLUMNS.items():
        fields = FIELDS[file].split()
        assert set(columns) <= {field.rstrip("!") for field in fields}, file
        assert {field.rstrip("!") for field in fields if field.endswith("!")} <= set(columns), file


def test_what_a_file_refers_to_stands_in_one_before_it() -> None:
    tables = netbox_tables(PLANT)
    makers = {row["name"] for row in tables["03-manufacturers.csv"]}
    types = {(row["manufacturer"], row["model"]) for row in tables["05-device-types.csv"]}
    devices = {row["name"] for row in tables["06-devices.csv"]}
    ports = {(row["device"], row["name"]) for row in tables["07-interfaces.csv"]}
    tags = {row["slug"] for row in tables["02-tags.csv"]}
    assert {maker for maker, _ in types} <= makers
    for row in tables["06-devices.csv"]:
        assert (row["manufacturer"], row["device_type"]) in types
        assert row["role"] in {role["name"] for role in tables["04-device-roles.csv"]}
        assert row["site"] in {site["name"] for site in tables["01-sites.csv"]}
        assert set(row["tags"].split(",")) <= tags
    for row in tables["08-mac-addresses.csv"] + tables["09-ip-addresses.csv"]:
        assert (row["device"], row["interface"]) in ports
        assert row["device"] in devices
    for rows in tables.values():
        assert all(re.fullmatch(r"[a-z0-9-]+", row["slug"]) for row in rows if "slug" in row)


def test_devices() -> None:
    first, second, third = netbox_tables(PLANT)["06-devices.csv"]
    assert (first["name"], first["manufacturer"], first["device_type"], first["serial"]) == ("192.168.0.3", "Siemens", "CPU 315-2 PN/DP", "S C-X")
    assert (second["manufacturer"], second["device_type"], second["tags"]) == ("Unknown", "Unknown", "otwatch,unidentified")
    assert (second["name"], third["name"]) == ("192.168.0.4", "192.168.0.4-2")  # two plants; a name that a host chose itself is none


def test_the_files(tmp_path: Path) -> None:
    assert write_netbox(tmp_path / "netbox", PLANT) == 3
    assert sorted(path.name for path in (tmp_path / "netbox").iterdir()) == list(COLUMNS)
    with (tmp_path / "netbox" / "06-devices.csv").open(encoding="utf-8", newline="") as rows:
        found = list(csv.DictReader(rows))
    assert [row["name"] for row in found] == ["192.168.0.3", "192.168.0.4", "192.168.0.4-2"]
    assert not any(text.startswith("=") for row in found for text in row.values())
