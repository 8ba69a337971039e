"""Runs that go on: their output, their end from outside, and the dead."""
