import jaxtyping
import pytest
from precision import double_precision


@pytest.fixture(autouse=True)
def float64():
    with double_precision():
        yield


@pytest.fixture
def unchecked():
    """Lets wrong shapes through the annotations, which are checked in tests alone."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
