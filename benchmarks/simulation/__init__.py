"""Parts of benchmarks/simulate.py: what is measured, and the simulated time around the real decisions."""
