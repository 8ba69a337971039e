"""Experiments as an RO-Crate, the archive format of research data."""
