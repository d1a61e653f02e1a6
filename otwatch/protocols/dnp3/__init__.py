"""otwatch.protocols.dnp3"""
