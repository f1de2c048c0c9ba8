"""Tables in, numbers with intervals out."""
