"""otwatch.baseline"""
