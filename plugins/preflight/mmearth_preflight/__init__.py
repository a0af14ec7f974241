"""What a run needs and costs, estimated before it starts."""
