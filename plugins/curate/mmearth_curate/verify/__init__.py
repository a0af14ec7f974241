"""Rereads a finished dataset and reports what is wrong with it."""
