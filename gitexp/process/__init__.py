"""One command in one prepared folder: its process, terminal, log, signals, timing and environment."""
