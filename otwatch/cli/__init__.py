"""otwatch.cli"""
