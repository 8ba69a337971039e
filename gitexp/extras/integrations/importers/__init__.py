"""Runs of other tools as experiments, one file a tool; `foreign.py` is what each of them gives."""
