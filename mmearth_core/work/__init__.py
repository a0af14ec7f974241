"""What every long work over a dataset needs: locks, worker processes, a progress bar, items in batches."""
