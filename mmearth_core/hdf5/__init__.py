"""The HDF5 file of a dataset: its layout, its rows read fast, and rows copied as they are compressed."""
