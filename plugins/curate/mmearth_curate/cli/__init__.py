"""The commands of mmearth-curate."""
