"""Grids and sampling: from a band's own pixels to those of a requested grid."""
