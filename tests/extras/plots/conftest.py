"""The browser, and what draws in the process of the tests."""

from tests.support.browser import browser  # noqa: F401
from tests.support.pictures import drawing  # noqa: F401
