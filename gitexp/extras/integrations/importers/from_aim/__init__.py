"""Runs of Aim; one module uses Aim itself."""
