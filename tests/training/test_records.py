import numpy as np
import pytest

from scaletime_jax.errors import InputError
from scaletime_jax.training.records import make_records


def test_epochs_are_recorded_at_their_ends():
    assert make_records(100, 32, 3, "epochs") == (0, 4, 8, 12)


def test_both_is_the_union():
    both = set(make_records(1000, 32, 20, "both"))
    epochs = set(make_records(1000, 32, 20, "epochs"))
    log_steps = set(make_records(1000, 32, 20, "log_steps"))
    assert epochs - log_steps and log_steps - epochs
    assert both == epochs | {s for s in log_steps if s <= 3 * 32}


@pytest.mark.parametrize("size", [1, 33, 500, 50_000])
def test_records_are_never_further_apart_than_a_third(size):
    steps = np.array(make_records(size, 32, 100, "both"))
    assert steps[0] == 0 and (np.diff(steps) > 0).all()
    ratios = steps[2:] / steps[1:-1]
    assert (ratios[steps[1:-1] >= 4] <= 1.34).all()


def test_the_last_step_is_always_recorded():
    for record in ("epochs", "log_steps", "both", "end"):
        assert make_records(1000, 32, 7, record)[-1] == 7 * 32


@pytest.mark.parametrize(
    ("size", "epochs", "record", "words"),
    [
        (1000, 400_000_000, "end", "12,800,000,000 steps is longer than 2,147,483,647"),
        (32, 1_000_001, "both", "evaluates a run 1,000,001 times"),
        (32, 1_000_001, "epochs", "choose record 'log_steps', or fewer epochs"),
    ],
)
def test_what_no_table_or_counter_holds_is_refused(size, epochs, record, words):
    with pytest.raises(InputError, match=words):
        make_records(size, 32, epochs, record)
    assert make_records(32, 32, 1_000_001, "log_steps")[-1] == 1_000_001


def test_log_steps_are_ten_a_decade_to_the_end():
    steps = np.array(make_records(100, 32, 100, "log_steps"))
    assert steps[0] == 0 and steps[-1] == 400
    assert np.sum((steps >= 10) & (steps < 100)) == 10
    assert np.sum((steps > 35) & (steps < 350)) == 10
