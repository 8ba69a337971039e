"""The one place where the version stands; CHANGELOG.md is checked against it."""

__version__ = "0.3.0"
