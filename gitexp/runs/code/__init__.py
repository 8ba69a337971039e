"""The code of a run that does not stand in the workspace."""
