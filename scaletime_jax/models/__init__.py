"""Flax linen modules and how they are initialised."""
