"""The list of numeric tests follows the tests when they move."""

import pytest

from tests.portable import NUMERIC, ROOT


@pytest.mark.parametrize("path", NUMERIC)
def test_numeric_tests_exist(path: str) -> None:
    assert (ROOT / path).exists()
