"""Commands to set up a project."""
