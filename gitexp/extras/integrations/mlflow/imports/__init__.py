"""Runs of MLflow's own stores, brought here: folders, SQLite files, servers."""
