"""otwatch.capture"""
