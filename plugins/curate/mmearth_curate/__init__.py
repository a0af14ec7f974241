"""Verify, merge, subset, resize and fetch finished datasets."""
