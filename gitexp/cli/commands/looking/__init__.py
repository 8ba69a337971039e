"""Commands that show and compare experiments."""
