"""Stages: `stages:` as values, their graph, and `gitexp.lock`. Nothing here runs or reads data."""
