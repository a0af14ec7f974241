"""The commands `plugin` and `engine`."""
