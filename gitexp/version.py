"""The version; a test compares CHANGELOG.md with it."""

__version__ = "0.3.0"
