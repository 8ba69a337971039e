"""Notebooks: cells as experiments, tables in HTML, and `gitexp run -- train.ipynb`."""
