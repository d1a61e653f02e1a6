"""otwatch.site"""
