"""Closed forms and flows; knows nothing of data, training or files."""
