"""Demos: a configuration and tiles for each shipped world."""
