"""Experiments of DVC, and a branch of a project of DVC's."""
