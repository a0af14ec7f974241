"""The contract between the core and its plugins: data classes and two base classes."""
