"""Metrics and series in tables: CSV, TSV and what programs print like them."""
