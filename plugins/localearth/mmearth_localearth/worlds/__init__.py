"""Worlds: the assets that a local Earth Engine holds."""
