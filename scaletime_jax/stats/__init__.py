"""Numbers with intervals: estimates, fits, exponents, claims."""
