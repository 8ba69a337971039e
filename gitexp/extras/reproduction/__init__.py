"""Reproductions: an experiment run again from nothing, compared, and certified."""
