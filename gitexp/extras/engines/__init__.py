"""Engines: where queued experiments are run, on this machine and past it."""
