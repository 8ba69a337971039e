"""The files that a run has left."""
