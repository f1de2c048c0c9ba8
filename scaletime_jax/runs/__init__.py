"""The run table: measurements of runs, from training or from a user's logs."""
