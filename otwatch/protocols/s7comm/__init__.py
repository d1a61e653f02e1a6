"""otwatch.protocols.s7comm"""
