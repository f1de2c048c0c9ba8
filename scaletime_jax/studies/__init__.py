"""One file a figure: from runs, or from theory, to claims, tables and figure."""
