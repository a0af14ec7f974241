"""The configuration: what a user writes in TOML, checked before any work starts."""
