"""Grids, and sampling of a band's pixels on a requested grid."""
