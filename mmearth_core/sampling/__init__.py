"""Sampling the world: how many tiles each ecoregion gets, where they lie, and the squares around them."""
