"""Step 1, tiles: read and checked, taken into the dataset, and each given its pixel grid."""
