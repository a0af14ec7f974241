"""`mmearth-core tiles`: samples the world, or makes tiles of a user's own places."""
