"""Stages: what `stages:` says, the graph it makes, and `gitexp.lock`. Nothing here runs or reads data."""
