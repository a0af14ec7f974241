"""Everything that talks to Earth Engine."""
