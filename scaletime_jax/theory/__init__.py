"""Closed forms and flows, independent of data, training and files."""
