"""Runs of a sheet: CSV and Excel."""
