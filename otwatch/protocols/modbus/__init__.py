"""otwatch.protocols.modbus"""
