"""What clients of real stacks logged of their operations, found once each: a request of this client with that function and object, and no other.

The stacks of the collection's `real-stacks` wrote one line for each call; what a client sends of its own accord beside it stands in `OWN`."""

from __future__ import annotations

import json
from collections import Counter
from typing import Final

import pytest

from tests.cli.calling import otwatch
from tests.engine.analysing import COLLECTION

STACKS: Final = COLLECTION / "real-stacks"
pytestmark = pytest.mark.skipif(not STACKS.is_dir(), reason="needs the collection of captures")
HOSTS: Final = {"hmi": "10.10.1.20", "eng": "10.10.1.30", "itpc": "10.20.0.66", "plc": "10.10.1.10"}
Request = tuple[str, str]  # function, object
_AV1, _DEVICE = "analog_value 1 present_value", "device 1001"

OPERATIONS: Final[dict[str, dict[str, tuple[Request, ...]]]] = {
    "bacnet": {
        "who_is_global": (("who_is", ""),), "who_has_name": (("who_has", ""),),
        **{f"read_property_device_{name}": (("read_property", f"{_DEVICE} {name.replace('-', '_')}"),) for name in (
            "object-name", "vendor-name", "vendor-identifier", "model-name", "firmware-revision", "application-software-version", "object-list",
            "protocol-services-supported")},
        "read_property_AV1": (("read_property", _AV1),),
        "read_property_multiple": tuple(
            ("read_property_multiple", name) for name in (_AV1, "analog_value 1 units", "binary_value 1 present_value")),
        "read_unknown_object": (("read_property", "analog_value 99 present_value"),),
        "write_property_AV1_prio8": (("write_property", _AV1),), "write_property_BV1": (("write_property", "binary_value 1 present_value"),),
        "write_relinquish_null": (("write_property", _AV1),), "write_denied_vendor_name": (("write_property", f"{_DEVICE} vendor_name"),),
        "device_communication_control_disable": (("communication_disable_initiation", ""),),
        "reinitialize_device_coldstart": (("reinitialize_device_coldstart", ""),),
        "delete_object": (("delete_object", "analog_value 1"),), "subscribe_cov": (("subscribe_cov", "analog_value 1"),),
    },
    "iec104": {
        "connect": (("start_data_transfer", ""),), "general_interrogation": (("interrogation", "IOA 0"),),
        "GI_wrong_ca": (("interrogation", "IOA 0"),),
        "counter_interrogation": (("counter_interrogation", "IOA 0"),), "read_C_RD": (("read_command", "IOA 13"),),
        "clock_sync": (("clock_synchronization", "IOA 0"),), "test_command": (("test_command_time", "IOA 0"),),
        "test_command_NA": (("test_command", "IOA 0"),), "C_SC_NA_1": (("single_command", "IOA 101"),), "C_DC_NA_1": (("double_command", "IOA 102"),),
        "C_RC_NA_1": (("regulating_step_command", "IOA 103"),), "C_SE_NA_1": (("set_point_normalized", "IOA 104"),),
        "C_SE_NB_1": (("set_point_scaled", "IOA 105"),), "C_SE_NC_1": (("set_point_float", "IOA 106"),),
        "C_BO_NA_1": (("bitstring_command", "IOA 107"),), "C_SC_TA_1": (("single_command_time", "IOA 108"),),
        "C_DC_TA_1": (("double_command_time", "IOA 109"),), "C_SE_TC_1": (("set_point_float_time", "IOA 110"),),
        "select_and_execute_C_SC_NA_1": (("single_command", "IOA 120"), ("single_command", "IOA 120")),
        "command_unknown_ioa": (("single_command", "IOA 999"),), "raw_STARTDT_act": (("start_data_transfer", ""),),
        "raw_reset_process_C_RP_NA_1": (("reset_process", "IOA 0"),), "raw_parameter_P_ME_NC_1": (("parameter_float", "IOA 13"),),
        "raw_param_activation_P_AC_NA_1": (("parameter_activation", "IOA 13"),), "raw_file_select_F_SC_NA_1": (("call_or_select_file", "file 1"),),
        "raw_file_ready_F_FR_NA_1": (("file_ready", "file 1"),), "raw_TESTFR_act": (("test_frame", ""),),
        "raw_STOPDT_act": (("stop_data_transfer", ""),),
    },
    "opcua": {
        "get_endpoints": (("get_endpoints", ""),), "find_servers": (("find_servers", ""),), "connect_session": (("create_session", ""),),
        "write_setpoint": (("write", "ns=2;i=2"),), "write_bool": (("write", "ns=2;i=4"),), "write_readonly_denied": (("write", "ns=2;i=3"),),
        "call_method": (("call", "ns=2;i=5 on ns=2;i=1"),), "read_server_info": (("read", "i=2260"),), "bad_node": (("read", "ns=9;i=1"),),
        "disconnect": (("close_session", ""),), "read_value": (("read", "ns=2;i=3"),), "browse_objects": (("browse", "i=85"),),
        "browse_pump": (("browse", "ns=2;i=1"),), "subscribe": (("create_subscription", ""), ("create_monitored_items", "ns=2;i=3")),
        "unsubscribe": (("delete_subscriptions", ""),),
    },
    "enip": {
        "register_session": (("register_session", ""),), "scanner_connect": (("register_session", ""),), "read_tag_rate": (("read_tag", "rate"),),
        "read_tag_temperature": (("read_tag", "temperature"),), "read_multiple": (("read_tag", "rate"), ("read_tag", "temperature")),
        "read_missing_tag": (("read_tag", "nope"),), "browse_tags": (("get_instance_attribute_list", "symbol 0 attribute 1"),),
        "write_tag_rate": (("write_tag", "symbol 1"),), "write_tag_temperature": (("write_tag", "symbol 2"),),
        "write_array_elem": (("write_tag", "symbol 3[3]"),), "list_services_tcp": (("list_services", ""),),
        "list_identity_tcp": (("list_identity", ""),), "list_interfaces_tcp": (("list_interfaces", ""),), "nop": (("nop", ""),),
        "get_attr_all_identity": (("get_attributes_all", "identity 1"),),
        "get_attr_single_identity_serial": (("get_attribute_single", "identity 1 serial_number"),),
        "get_attr_all_tcpip": (("get_attributes_all", "tcp_ip_interface 1"),),
        "get_attr_single_ethlink_mac": (("get_attribute_single", "ethernet_link 1 physical_address"),),
        "set_attr_single_tcpip_hostname": (("set_attribute_single", "tcp_ip_interface 1 host_name"),),
        "set_attr_single_assembly": (("set_attribute_single", "assembly 100 data"),), "reset_identity_type0": (("reset", "identity 1"),),
        "reset_identity_type1_factory": (("reset_to_factory", "identity 1"),), "start_service": (("start", "controller_mode 1"),),
        "stop_service": (("stop", "controller_mode 1"),), "pccc_execute_0x4b": (("protected_typed_logical_read_3", "N7:0"),),
        "get_attr_unknown_class": (("get_attributes_all", "class_77 1"),), "class3_forward_open": (("forward_open", "connection_manager 1"),),
        "class3_forward_close": (("forward_close", "connection_manager 1"),),
        "forward_open_class1": (("register_session", ""), ("forward_open", "connection_manager 1")), "cyclic_io_2s": (("io_data", "assembly 102"),),
        "forward_close": (("forward_close", "connection_manager 1"),),
    },
}
# What the stacks send of their own accord: OPC UA looks up names and the state of the server, pycomm3 has a line for each call and not for each
# request, and broadcasts of an identity list do not pass the router.
OWN: Final[dict[str, frozenset[str]]] = {
    "bacnet": frozenset(),
    "iec104": frozenset({"interrogation", "clock_synchronization"}),
    "opcua": frozenset({"hello", "open_secure_channel_unsecured", "close_secure_channel", "activate_session_anonymous", "delete_monitored_items",
                        "activate_session_user_name_clear_text", "translate_browse_paths", "read", "publish"}),
    "enip": frozenset({"unregister_session", "list_identity"}),
}
PYCOMM3: Final = {"enip": HOSTS["eng"]}


@pytest.mark.captures
@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_each_operation_of_the_client_is_found_once(name: str) -> None:
    truth = [json.loads(line) for line in (STACKS / f"{name}.gt.jsonl").read_text().splitlines()]
    rows = map(json.loads, otwatch("export", "operations", STACKS / f"{name}.pcap").stdout.splitlines())
    found = Counter((row["src"], row["function_name"], row["object_name"]) for row in rows if row["role"] != "response")
    played = Counter((HOSTS[one["src"]], *request) for one in truth if one["src"] in HOSTS for request in OPERATIONS[name].get(one["op"], ()))
    assert played - found == Counter()
    assert {one["op"] for one in truth if one["op"] not in OPERATIONS[name]} <= {"list_identity_udp", *(op for op in {one["op"] for one in truth}
                                                                                                  if op.startswith("pycomm3_"))}
    others = {function for host, function, _ in found - played if host in HOSTS.values() and host != PYCOMM3.get(name)}
    assert others <= OWN[name]
