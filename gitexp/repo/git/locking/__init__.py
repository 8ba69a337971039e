"""Locks of files, by flock or by files with their owners."""
