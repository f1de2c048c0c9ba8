import pytest
from precision import double_precision


@pytest.fixture(autouse=True)
def float64():
    with double_precision():
        yield
