"""Inference: what the numbers of experiments say, and how surely."""
