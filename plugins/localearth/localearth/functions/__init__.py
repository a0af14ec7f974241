"""The implemented algorithms, one module per family; importing a module registers its functions."""
