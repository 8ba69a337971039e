"""Commands that look after the repository."""
