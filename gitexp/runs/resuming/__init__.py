"""Runs that go on from an earlier one."""
