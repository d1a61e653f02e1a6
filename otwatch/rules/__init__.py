"""otwatch.rules"""
