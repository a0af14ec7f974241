"""What tests of the core and of plugins share: the command line, small datasets, fabricated distributions."""
