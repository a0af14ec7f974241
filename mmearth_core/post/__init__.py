"""Post-processing: journals and stacks become tile_info.json, HDF5, band statistics and splits."""
