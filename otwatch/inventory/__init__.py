"""otwatch.inventory"""
