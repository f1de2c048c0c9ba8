"""From a grid of configs to a table of curves on disk."""
