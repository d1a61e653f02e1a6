"""otwatch.engine"""
