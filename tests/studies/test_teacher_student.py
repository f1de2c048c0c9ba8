import itertools

import numpy as np
import pandas as pd
import pytest
from readable import assert_readable
from written import assert_can_be_written

from scaletime_jax.errors import InputError
from scaletime_jax.plotting.teacher_student import plot_teacher_student
from scaletime_jax.runs.read import Runs
from scaletime_jax.studies.teacher_student import check_grid, study

SIZES = (30, 100, 300, 1000, 3000, 10_000)
FIELDS = {
    "architecture": "mlp2",
    "optimizer": "adam",
    "learning_rate": 0.003,
    "label_noise": 0.0,
    "loss": "mse",
    "until_test_loss": 0.0,
    "guessing_loss": np.nan,
    "shuffled_labels": False,
    "diverged": False,
}


def planted(law, dimensions=(2, 3, 4, 6), seeds=6, sizes=SIZES, batching="epochs"):
    """Runs with least test loss law(d, D) and final train loss, by size.

    Each seed's losses have a scale of their own, and scatter of 3%. The least test loss
    is in the middle of the run, as in early stopping.
    """
    rng, tables = np.random.default_rng(0), []
    for d, seed in itertools.product(dimensions, range(seeds)):
        scale = np.exp(rng.normal())
        for number, size in enumerate(sizes):
            loss, train = law(d, size)
            loss = scale * loss * np.exp(0.03 * rng.normal())
            tables.append(
                pd.DataFrame(
                    {
                        **FIELDS,
                        "dataset": f"teacher:d={d},width=96",
                        "run_id": f"{d}-{seed}-{size}",
                        "batching": batching,
                        "width": 192 if batching == "epochs" else 8 + number,
                        "num_params": 40_000 if batching == "epochs" else size,
                        "train_size": size if batching == "epochs" else 1000,
                        "seed": seed,
                        "epoch": [0.0, 1.0, 2.0],
                        "test_loss": [30 * loss, loss, 1.1 * loss],
                        "train_loss": [30 * loss, loss, scale * train],
                    }
                )
            )
    return Runs(pd.concat(tables, ignore_index=True), [], [])


def power(factor):
    """Loss D^(-factor / d), and hardly any training loss."""
    return lambda d, size: (size ** (-factor / d), 1e-9)


def test_planted_exponents_of_four_over_the_dimension_hold():
    made = study(planted(power(4)))
    assert [claim.verdict for claim in made.claims] == ["holds"] * 5
    for found in made.figure["made"]:
        low, high = found.ratio.interval
        assert low < found.dimension < high
        assert found.used.all()
    [line] = made.figure["lines"]
    assert line.slope.value == pytest.approx(1, abs=0.05)
    assert line.intercept.value == pytest.approx(0, abs=0.15)


def test_exponents_of_constant_pieces_fail():
    """2 / d, as of nearest neighbours: the claim can fail."""
    made = study(planted(power(2)))
    assert [claim.verdict for claim in made.claims] == ["fails"] * 5
    assert all(claim.value == pytest.approx(2, rel=0.05) for claim in made.claims[:-1])


def test_the_exponent_over_model_size_is_of_the_number_of_parameters():
    made = study(planted(power(4), batching="fresh"))
    assert {claim.source for claim in made.claims} == {"[B21, Fig. S4]"}
    assert [claim.verdict for claim in made.claims] == ["holds"] * 5


def test_sizes_where_training_limits_the_loss_are_left_out():
    """By the training loss alone: the curve is straight beyond these sizes too."""

    def law(d, size):
        loss = size ** (-4 / d)
        return loss, 1e-9 if size <= 1000 else loss

    for found in study(planted(law)).figure["made"]:
        assert found.sizes[found.used].tolist() == [30, 100, 300, 1000]
        assert found.ratio.value == pytest.approx(found.dimension, rel=0.03)


def test_too_few_or_bent_sizes_have_no_exponent_and_say_why():
    few = study(planted(power(4), sizes=SIZES[:3]))
    assert {claim.value for claim in few.claims} == {None}
    assert "a fit needs 4" in few.claims[0].note
    bent = study(planted(lambda d, size: (np.exp(-(np.log(size) ** 2) / 5), 1e-9)))
    assert "straight line" in bent.claims[0].note


def test_a_seed_without_a_size_is_left_out_at_all_sizes():
    runs = planted(power(4))
    table = runs.table[runs.table.run_id != "2-0-300"]
    made = study(runs._replace(table=table)).figure["made"]
    assert [found.losses.shape[1] for found in made] == [5, 6, 6, 6]


def test_other_datasets_are_refused():
    runs = planted(power(4))
    table = runs.table.assign(dataset="mnist12k")
    with pytest.raises(InputError, match="'mnist12k' is not a teacher"):
        study(runs._replace(table=table))


def test_results_can_be_written_and_figures_read():
    both = [planted(power(4)).table, planted(power(4), batching="fresh").table]
    both[1]["dataset"] += ",seed=1"
    made = study(Runs(pd.concat(both, ignore_index=True), [], []))
    assert_can_be_written(made)
    for figure in plot_teacher_student(**made.figure).values():
        assert_readable(figure)


def test_teachers_of_one_dimension_stand_side_by_side():
    one, other = (planted(power(4.0), dimensions=(2, 3, 4)) for _ in range(2))
    other.table["dataset"] += ",seed=2"
    result = study(Runs(pd.concat([one.table, other.table]), [], []))
    assert result.claims[-1].setting == {"dimensions": "d = 2, 3, 4"}
    [figure] = plot_teacher_student(**result.figure).values()
    dots = [line for line in figure.axes[1].lines if line.get_marker() == "o"]
    places = sorted(float(line.get_xdata()[0]) for line in dots)
    np.testing.assert_allclose(places, [1.925, 2.075, 2.925, 3.075, 3.925, 4.075])


def test_a_grid_that_can_be_fitted_is_accepted():
    check_grid(planted(power(4)).table)
    check_grid(planted(power(4), (12,), batching="fresh").table)


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        (
            {"sizes": SIZES[:3]},
            r"over train_size needs 4 sizes, got 3 with teacher:d=2",
        ),
        ({"sizes": SIZES[:3], "batching": "fresh"}, r"over width needs 4 sizes, got 3"),
        (
            {"dimensions": (3, 14)},
            r"10000 is below the 16,384 corners .* 14 dimensions",
        ),
    ],
)
def test_a_grid_that_cannot_be_fitted_is_refused_before_training(grid, words):
    with pytest.raises(InputError, match=words):
        check_grid(planted(power(4), **grid).table)
