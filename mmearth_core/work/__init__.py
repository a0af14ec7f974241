"""What every long work over a dataset needs: worker processes, a progress bar, items in batches."""
