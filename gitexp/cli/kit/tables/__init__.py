"""The table of experiments in the terminal."""
