"""Servers of other tools, asked over HTTP."""
