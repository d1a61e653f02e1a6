"""Error codes of S7: class and code of the header (0x81..0x87), of userdata parameters and of ends of transfers. The words are ours."""

from __future__ import annotations

CLASSES = {
    0x81: "application_relationship", 0x82: "object_definition", 0x83: "resources", 0x84: "service", 0x85: "supplies", 0x87: "access",
}
ERRORS: dict[int, str] = {
    0x0110: "block_number_invalid", 0x0111: "request_length_invalid", 0x0112: "parameter_invalid", 0x0113: "block_type_invalid",
    0x0114: "block_not_found", 0x0115: "block_exists", 0x0116: "block_write_protected", 0x0117: "block_too_large",
    0x0118: "block_number_invalid", 0x0119: "password_wrong", 0x011A: "pg_resource_error", 0x011B: "plc_resource_error",
    0x011C: "protocol_error", 0x011D: "too_many_blocks", 0x011E: "connection_lost", 0x011F: "result_buffer_too_small",
    0x0120: "end_of_block_list", 0x0140: "memory_insufficient", 0x0141: "resources_insufficient",
    0x8001: "block_state_forbids", 0x8003: "transfer_error",
    0x8100: "service_unknown", 0x8104: "not_implemented", 0x8204: "type_inconsistent", 0x8205: "copied_block_exists",
    0x8301: "memory_insufficient", 0x8302: "resources_insufficient", 0x8304: "no_more_parallel_uploads", 0x8305: "function_not_available",
    0x8306: "work_memory_insufficient", 0x8307: "retentive_memory_insufficient", 0x8401: "service_sequence_invalid",
    0x8402: "object_state_forbids", 0x8404: "function_impossible", 0x8405: "remote_block_disabled", 0x8500: "frame_wrong",
    0x8503: "service_cancelled", 0x8701: "address_wrong", 0x8702: "service_not_supported", 0x8703: "access_refused",
    0x8704: "object_damaged",
    0xD001: "job_number_illegal", 0xD002: "job_variant_illegal", 0xD003: "debugging_not_supported", 0xD004: "job_status_illegal",
    0xD005: "job_termination_illegal", 0xD006: "link_id_illegal", 0xD007: "buffer_elements_illegal", 0xD008: "scan_rate_illegal",
    0xD009: "executions_illegal", 0xD00A: "trigger_event_illegal", 0xD00B: "trigger_condition_illegal", 0xD011: "call_block_not_found",
    0xD012: "call_address_wrong", 0xD014: "block_being_overwritten", 0xD015: "tag_address_illegal", 0xD016: "test_impossible",
    0xD017: "trigger_number_illegal", 0xD025: "path_invalid", 0xD026: "access_type_illegal", 0xD027: "data_block_count_illegal",
    0xD031: "internal_protocol_error", 0xD032: "result_buffer_length_wrong", 0xD033: "job_length_wrong", 0xD03F: "parameter_coding_error",
    0xD041: "szl_id_illegal", 0xD042: "tag_address_illegal", 0xD043: "job_not_found", 0xD044: "tag_value_illegal",
    0xD045: "exit_hold_refused", 0xD046: "measuring_stage_illegal", 0xD047: "job_list_hierarchy_illegal", 0xD048: "delete_id_illegal",
    0xD049: "substitute_id_illegal", 0xD04A: "program_status_error", 0xD05F: "data_coding_error", 0xD061: "no_memory_for_job",
    0xD062: "job_list_full", 0xD063: "trigger_event_occupied", 0xD064: "no_memory_for_result", 0xD065: "no_memory_for_results",
    0xD066: "timer_occupied", 0xD067: "too_many_modify_jobs", 0xD081: "not_in_this_mode", 0xD082: "cannot_exit_hold",
    0xD0A1: "protection_level_forbids", 0xD0A2: "memory_function_running", 0xD0A3: "too_many_io_modify_jobs", 0xD0A4: "forcing_active",
    0xD0A5: "job_not_found", 0xD0A6: "job_cannot_switch", 0xD0A7: "job_cannot_be_deleted", 0xD0A8: "job_cannot_be_replaced",
    0xD0A9: "job_cannot_be_read", 0xD0AA: "time_limit_exceeded", 0xD0AB: "job_parameters_invalid", 0xD0AC: "job_data_invalid",
    0xD0AD: "mode_already_set", 0xD0AE: "job_of_another_connection", 0xD0C1: "tag_access_error", 0xD0C2: "mode_changed",
    0xD0C3: "tag_access_error_and_mode_changed", 0xD0C4: "measurement_timeout", 0xD0C5: "block_stack_inconsistent",
    0xD0C6: "job_deleted_with_its_reference", 0xD0C7: "job_deleted_by_mode_change", 0xD0C8: "block_status_inconsistent",
    0xD0C9: "ob90_reset", 0xD0CA: "ob90_reset_with_access_error", 0xD0CB: "output_disable_active", 0xD0CC: "debug_data_limited",
    0xD201: "block_name_syntax", 0xD202: "function_parameter_syntax", 0xD205: "linked_block_in_ram", 0xD206: "linked_block_in_rom",
    0xD208: "too_many_copied_blocks", 0xD209: "block_not_found", 0xD20A: "too_many_blocks_to_link", 0xD20B: "too_many_blocks_to_delete",
    0xD20C: "priority_class_missing", 0xD20D: "sdb_not_interpretable", 0xD20E: "no_block_available", 0xD20F: "block_too_large",
    0xD210: "block_number_invalid", 0xD212: "header_attribute_wrong", 0xD213: "too_many_sdbs", 0xD216: "user_program_invalid",
    0xD217: "protection_level_not_permitted", 0xD218: "attribute_wrong", 0xD219: "block_length_wrong", 0xD21A: "local_data_length_wrong",
    0xD21B: "cannot_compress", 0xD21D: "dynamic_data_too_long", 0xD21E: "module_parameters_refused", 0xD220: "language_not_permitted",
    0xD221: "connection_data_invalid", 0xD222: "global_data_invalid", 0xD223: "instance_block_error", 0xD224: "scan_block_invalid",
    0xD225: "dp_block_invalid", 0xD226: "block_structure_error", 0xD230: "block_structure_error", 0xD231: "priority_class_missing",
    0xD232: "block_number_illegal", 0xD234: "block_twice", 0xD235: "block_checksum_wrong", 0xD236: "block_checksum_missing",
    0xD237: "block_loaded_twice", 0xD238: "not_a_data_block", 0xD239: "no_linked_data_block", 0xD23A: "data_block_differs",
    0xD240: "coordination_rules_violated", 0xD241: "protection_level_forbids", 0xD242: "f_block_protection_violated",
    0xD250: "update_does_not_match", 0xD251: "system_component_order_wrong", 0xD252: "checksum_wrong", 0xD253: "no_loader",
    0xD254: "storage_error", 0xD280: "compile_error", 0xD2A1: "another_block_function_active", 0xD2A2: "trigger_active",
    0xD2A3: "block_not_active", 0xD2A4: "block_in_use", 0xD2A6: "saving_and_changing", 0xD2A7: "block_unlinked",
    0xD2A8: "debugging_active", 0xD2A9: "cpu_parameters_being_assigned", 0xD2AA: "module_parameters_being_assigned",
    0xD2AB: "limits_being_changed", 0xD2AC: "activation_running", 0xD2B0: "configuration_in_run_error",
    0xD2C0: "too_many_technological_objects", 0xD2C1: "technology_block_exists", 0xD2C2: "download_impossible",
    0xD401: "information_unavailable", 0xD402: "information_unavailable", 0xD403: "already_logged_on", 0xD404: "too_many_nodes",
    0xD405: "service_not_supported", 0xD406: "information_not_available_now", 0xD407: "diagnostics_error", 0xD408: "update_aborted",
    0xD409: "dp_bus_error", 0xD601: "parameter_syntax", 0xD602: "password_wrong", 0xD603: "already_legitimised",
    0xD604: "already_enabled", 0xD605: "no_password_exists", 0xD801: "tag_address_invalid", 0xD802: "job_exists",
    0xD803: "job_status_illegal", 0xD804: "cycle_time_illegal", 0xD805: "no_more_cyclic_jobs", 0xD806: "job_in_wrong_state",
    0xD807: "function_aborted_overload", 0xDC01: "date_or_time_invalid", 0xDC02: "master_already_set", 0xE201: "password_wrong",
}


def error_name(status: int) -> str:
    """Words for a code of two bytes; where the code is not known, its class."""
    known = ERRORS.get(status)
    if known:
        return known
    return f"{CLASSES[status >> 8]}_error:{status:#06x}" if status >> 8 in CLASSES else f"error:{status:#06x}"
