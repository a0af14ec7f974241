"""Rereads a finished dataset and says what is wrong with it."""
