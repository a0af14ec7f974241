"""What a run will cost, found out before anything is spent."""
