"""The immutable values of expressions."""
