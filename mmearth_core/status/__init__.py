"""How far a dataset is: read from its journals while runs are at work, without a lock."""
