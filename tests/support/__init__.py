"""What the tests stand on; `tests/conftest.py` hands it out as fixtures."""
