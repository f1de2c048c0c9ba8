"""Flax linen modules and their initialisation."""
