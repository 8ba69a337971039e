"""Experiments as runs of MLflow: in a folder, a SQLite file or a server."""
