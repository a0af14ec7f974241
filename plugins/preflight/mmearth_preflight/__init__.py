"""Whether a run will work, and what it needs and costs, before it starts."""
