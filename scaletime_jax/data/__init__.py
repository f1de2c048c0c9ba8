"""Named sources -> arrays -> transformed arrays."""
