"""Laws of learning curves: fits, predictions, backtests, plans."""
