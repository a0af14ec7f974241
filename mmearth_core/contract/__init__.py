"""The contract between the core and its plugins: data classes, two base classes and two hooks."""
