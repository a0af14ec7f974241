"""Helpers of the tests of the core and of plugins: the command line, small datasets, fake distributions."""
