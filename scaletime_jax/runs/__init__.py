"""The run table: what runs measured, from training or from a user's logs."""
