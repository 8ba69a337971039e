"""What draws, for reports that are made in the process of the tests."""

from tests.support.pictures import drawing  # noqa: F401
