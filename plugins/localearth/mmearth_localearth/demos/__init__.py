"""The demos: a configuration and tiles for each shipped world."""
