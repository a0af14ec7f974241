"""Writes a new plugin: a complete distribution that installs, passes its own tests and downloads."""
