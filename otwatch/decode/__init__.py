"""otwatch.decode"""
