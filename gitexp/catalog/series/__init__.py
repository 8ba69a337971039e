"""The curves of experiments, out of series and tables."""
