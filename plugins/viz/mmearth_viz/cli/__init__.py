"""The commands of mmearth-viz."""
