"""Datasets made of finished datasets: merged, cut down to some tiles, or cropped."""
