"""Queued experiments, and the workers that run them. The queue is nothing but refs."""
