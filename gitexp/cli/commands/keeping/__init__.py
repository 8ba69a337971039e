"""Commands that keep order among experiments."""
