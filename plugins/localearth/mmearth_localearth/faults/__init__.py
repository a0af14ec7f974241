"""Faults on demand: what Earth Engine, its limits and the network in between can do to a request."""
