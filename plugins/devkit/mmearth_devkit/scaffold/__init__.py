"""Writes a new plugin: a whole distribution, which installs, passes its own tests and downloads at once."""
