"""Runs of Neptune, from the Parquet of its exporter."""
