"""Experiments as one file: a bundle of Git, the objects of data, and a list of both with hashes."""
