"""Runs planned now and begun later: queued ones."""
