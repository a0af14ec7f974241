"""Slurm: the text of batch scripts, and handing them to `sbatch`."""
