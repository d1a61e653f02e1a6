"""otwatch.streams"""
