"""Runs of Weights & Biases, from its offline folders."""
