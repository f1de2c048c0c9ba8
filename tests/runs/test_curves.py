import numpy as np
import pandas as pd
import pytest

from scaletime_jax.errors import InputError
from scaletime_jax.runs.curves import epochs_to_threshold, first_crossing

EPOCHS = np.array([0.0, 0.5, 1.0, 2.0, 4.0])


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([0.10, 0.09, 0.08, 0.07, 0.06], 1.5),  # halfway from 0.08 to 0.07
        ([0.10, 0.09, 0.08, 0.075, 0.06], 2.0),  # at it is not below it
        ([0.10, 0.07, 0.08, 0.09, 0.06], 0.5 * 0.025 / 0.03),  # the first of two
        ([0.07, 0.09, 0.09, 0.09, 0.09], 0.0),  # below from the start
        ([0.10, 0.09, 0.08, 0.08, 0.08], np.nan),
        ([0.10, np.nan, 0.01, 0.01, 0.01], np.nan),  # diverged before
        ([0.10, np.nan, 0.08, 0.07, 0.06], np.nan),  # and came back
        ([0.10, 0.05, np.nan, np.nan, np.nan], 0.25),  # diverged afterwards
        ([np.inf, 0.05, 0.05, 0.05, 0.05], np.nan),
    ],
)
def test_first_crossing(losses, expected):
    crossing = first_crossing(EPOCHS, np.array(losses), 0.075)
    np.testing.assert_allclose(crossing, expected, rtol=1e-12)


def test_one_row_a_run_in_any_order_of_rows():
    table = pd.DataFrame(
        {
            "run_id": ["a"] * 5 + ["b"] * 5,
            "seed": [1] * 5 + [2] * 5,
            "epoch": [*EPOCHS, *EPOCHS],
            "test_loss": [0.1, 0.09, 0.08, 0.07, 0.06] + [0.1] * 5,
        }
    )
    shuffled = table.sample(frac=1, random_state=0)
    runs = epochs_to_threshold(shuffled, 0.075).set_index("run_id")
    assert runs.epochs["a"] == pytest.approx(1.5) and np.isnan(runs.epochs["b"])
    assert runs.epochs_run.tolist() == [4.0, 4.0]
    assert runs.seed.tolist() == [1, 2]


def test_a_missing_column_is_named():
    with pytest.raises(InputError, match="'test_loss'"):
        epochs_to_threshold(pd.DataFrame({"run_id": [], "epoch": []}), 0.1)
