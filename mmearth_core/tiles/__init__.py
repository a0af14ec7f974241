"""Tiles: sampled or made of own places, read and checked, imported into the dataset, each with its pixel grid."""
