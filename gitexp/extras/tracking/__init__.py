"""Logging from Python: what training scripts import. Small, quick, and without packages of others.

A run's processes write into the folder of the live run, `.git/gitexp/runs/<token>/logged/`; the end of the
run makes it part of the experiment (`gitexp.runs.logged_values.logged`). Nothing here raises for disk or
Git once a run has begun: training goes on, and the record says what is missing.
"""
