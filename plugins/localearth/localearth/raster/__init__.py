"""Pixels on a requested grid: grids, masks, sampling of bands, and the pixels that geometries cover."""
