"""Simulated faults: errors of Earth Engine, its limits and the network."""
