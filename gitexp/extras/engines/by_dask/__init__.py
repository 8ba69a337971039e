"""The engine for Dask."""
