"""A finished dataset: its HDF5 file, statistics and side files."""
