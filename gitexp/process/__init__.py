"""A command in a prepared folder: its process, terminal, log, signals, timing and environment."""
