"""The formats of params and metrics files: each is read, and edited in place."""
