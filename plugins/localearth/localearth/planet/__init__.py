"""The world `synthetic`: a planet that is generated on demand from a seed; docs/synthetic.md says what is invented."""
