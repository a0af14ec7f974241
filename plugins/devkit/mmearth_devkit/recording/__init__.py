"""Recordings of the exchanges with an engine, and their playback."""
