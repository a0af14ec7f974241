"""Worlds: the assets of a local Earth Engine."""
