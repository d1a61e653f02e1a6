"""otwatch.outputs"""
