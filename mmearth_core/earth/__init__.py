"""Everything that talks to Earth Engine: the client, its transport, and what its faults mean."""
