"""Commands for experiments and data elsewhere."""
