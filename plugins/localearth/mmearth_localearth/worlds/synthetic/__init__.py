"""The world `synthetic`: a whole planet, made on demand from a seed; docs/synthetic.md says what is invented."""
