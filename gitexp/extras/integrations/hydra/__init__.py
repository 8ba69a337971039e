"""Hydra: the words of its applications, their jobs, and params files composed by it."""
