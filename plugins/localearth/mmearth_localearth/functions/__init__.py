"""The implemented algorithms, one module a family; importing a module registers its functions."""
