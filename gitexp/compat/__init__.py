"""Modules that look like those of other trackers, so that a script changes one import."""
