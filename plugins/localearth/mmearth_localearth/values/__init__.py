"""The values that expressions evaluate to: plain and immutable."""
