"""Plots of the files that runs have left."""
