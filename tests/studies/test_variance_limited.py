import itertools

import numpy as np
import pandas as pd
import pytest
from written import assert_can_be_written

from scaletime_jax.errors import InputError
from scaletime_jax.runs.read import Runs
from scaletime_jax.studies.excess_losses import excess_over_data, excess_over_width
from scaletime_jax.studies.variance_limited import check_grid, study

POOL, SIZES = 16_000, (500, 1000, 2000, 4000, 8000)
FIELDS = {
    "dataset": "planted",
    "architecture": "mlp2",
    "width": 8,
    "linearised": False,
    "optimizer": "sgd",
    "learning_rate": 0.1,
    "label_noise": 0.0,
    "loss": "mse",
    "batching": "full",
    "until_test_loss": 0.0,
    "guessing_loss": 0.09,
    "shuffled_labels": False,
    "diverged": False,
}


def planted(exponent=1.0, seeds=5, first_order=0.0, dead=(), sizes=SIZES):
    """Losses 0.05 + 3 draws^-exponent, and a term of the first order.

    The term of a training set is the mean of its examples' own terms, which sum to zero
    over all examples, so it is large for one set and cancels over all disjoint sets.
    """
    rng, rows = np.random.default_rng(0), []
    for seed in range(seeds):
        own = rng.normal(size=POOL)
        own -= own.mean()
        scale = np.exp(0.1 * rng.normal())
        for size in (*sizes, POOL):
            excess = 0.0
            if size < POOL:
                excess = 3 * scale * (1 / size - 1 / POOL) ** exponent
            for part in range(POOL // size):
                term = first_order * own[part * size : (part + 1) * size].mean()
                end = 0.05 + excess + term if seed not in dead else 0.0899
                for step, loss in ((0, 0.09), (25, 0.07), (50, 0.06), (100, end)):
                    loss = 0.0899 if seed in dead and step else loss
                    rows.append(
                        {
                            "run_id": f"{seed}-{size}-{part}",
                            "seed": seed,
                            "part": part,
                            "train_size": size,
                            "step": step,
                            "epoch": float(step),
                            "test_loss": loss,
                        }
                    )
    return Runs(pd.DataFrame(rows).assign(**FIELDS), [], [])


def at_the_end(runs):
    return excess_over_data(FIELDS, runs.table, 100)


@pytest.mark.parametrize(
    ("exponent", "verdict"), [(1.0, "holds"), (0.5, "fails"), (1.5, "fails")]
)
def test_the_planted_exponent_is_found(exponent, verdict):
    made = study(planted(exponent))
    claim = made.claims[-1]
    assert claim.setting["step"] == 100 and claim.verdict == verdict
    assert claim.value == pytest.approx(exponent, rel=1e-6)


def test_terms_of_the_first_order_cancel_over_disjoint_sets_alone():
    """With the first part alone the same runs give no exponent near 1."""
    runs = planted(first_order=2.0)
    assert at_the_end(runs).regime.law.exponent.value == pytest.approx(1, abs=1e-6)
    first = runs.table[(runs.table.part == 0) & (runs.table.step == 100)]
    losses = first.pivot(index="train_size", columns="seed", values="test_loss")
    excess = losses - losses.loc[POOL]
    around = excess.loc[500] - excess.loc[500].mean()
    # the term of one set of 500 examples: 2 / sqrt(500) = 0.09, beside 0.006
    assert around.std() > 0.03


def test_initialisations_that_have_not_learned_are_left_out():
    made = at_the_end(planted(dead=(1, 3)))
    assert made.left_out == 2 and made.losses.shape == (len(SIZES), 3)
    assert made.regime.law.exponent.value == pytest.approx(1, rel=1e-6)
    nothing = at_the_end(planted(dead=range(5)))
    assert nothing.note == "no initialisation has learned"
    assert nothing.losses.shape[1] == 0


def test_an_initialisation_that_diverged_at_a_size_is_left_out_at_all():
    table = planted().table
    table.loc[(table.seed == 2) & (table.train_size == 500), "test_loss"] = np.nan
    made = excess_over_data(FIELDS, table, 100)
    assert made.losses.shape == (len(SIZES), 4)
    assert made.regime.law.exponent.value == pytest.approx(1, rel=1e-6)


def test_an_excess_that_is_not_above_zero_has_no_exponent():
    runs = planted()
    table = runs.table.copy()
    table.loc[(table.train_size == 8000) & (table.step == 100), "test_loss"] = 0.04
    made = study(runs._replace(table=table))
    assert made.claims[-1].value is None
    assert "not above 0 at 1 size" in made.claims[-1].note


def test_too_few_sizes_have_no_exponent():
    made = study(planted(sizes=SIZES[:3]))
    assert {claim.value for claim in made.claims} == {None}
    assert "a fit needs 4" in made.claims[0].note


def test_missing_parts_and_one_size_are_refused():
    runs = planted()
    fewer = runs.table[(runs.table.part < 4) | (runs.table.train_size > 500)]
    with pytest.raises(InputError, match="4 of 32 disjoint training sets of 500"):
        study(runs._replace(table=fewer))
    one = runs.table[runs.table.train_size == POOL]
    with pytest.raises(InputError, match="one train size, 16000"):
        study(runs._replace(table=one))


EXAMPLES, WIDTHS = 100, (64, 128, 256, 512, 1024, 2048, 4096)


def planted_widths(exponent=1.0, seeds=6, widths=WIDTHS, scatter=0.0):
    """Losses L_lin + 20 w^-exponent; L_lin of a seed differs much between widths."""
    rng, rows = np.random.default_rng(1), []
    for seed, width, linearised in itertools.product(
        range(seeds), widths, (False, True)
    ):
        if not linearised:  # the pair shares its limit
            limit = 0.05 * np.exp(0.3 * rng.normal())
            factor = np.exp(scatter * rng.normal())
        excess = 0 if linearised else 20 * factor * width**-exponent
        for step, loss in ((0, 1.0), (25, 0.5), (50, 0.3), (100, limit)):
            rows.append(
                {
                    "run_id": f"{seed}-{width}-{linearised}",
                    "seed": seed,
                    "width": width,
                    "linearised": linearised,
                    "step": step,
                    "test_loss": loss + excess * (step > 0),
                }
            )
    fields = {**FIELDS, "part": 0, "train_size": EXAMPLES, "epoch": 1.0}
    table = pd.DataFrame(rows)
    absent = {k: v for k, v in fields.items() if k not in table}
    return Runs(table.assign(**absent), [], [])


@pytest.mark.parametrize(
    ("exponent", "verdict"), [(1.0, "holds"), (0.7, "fails"), (1.3, "fails")]
)
def test_the_planted_exponent_of_the_width_is_found_seed_by_seed(exponent, verdict):
    """Limits scatter by 30%, so means over seeds without pairs would miss it."""
    claim = study(planted_widths(exponent)).claims[-1]
    assert claim.quantity == "exponent of L(w) - L_lin(w) in the width"
    assert claim.value == pytest.approx(exponent, rel=1e-6)
    assert claim.verdict == verdict


@pytest.mark.parametrize(("sign", "found"), [(1, 1), (-1, -1)])
def test_a_loss_below_the_limit_has_an_exponent_and_its_sign(sign, found):
    table = planted_widths(seeds=3).table
    pairs = [name for name in ("seed", "width", "step")]
    linear = table[table.linearised].set_index(pairs).test_loss
    own = table.set_index(pairs).index.map(linear)
    table["test_loss"] = own + sign * (table.test_loss - own)
    made = excess_over_width(FIELDS, table, 100)
    assert made.sign == found and not made.note
    assert made.regime.law.exponent.value == pytest.approx(1, rel=1e-6)
    table.loc[(table.width == 1024) & ~table.linearised, "test_loss"] += sign * -9
    mixed = excess_over_width(FIELDS, table, 100)
    assert "has the other sign at 1 size" in mixed.note


def test_widths_up_to_four_times_the_examples_are_not_fitted():
    runs = planted_widths(seeds=3)
    table = runs.table.copy()
    narrow = (table.width < 4 * EXAMPLES) & ~table.linearised & (table.step > 0)
    table.loc[narrow, "test_loss"] += 5
    made = excess_over_width(FIELDS, table, 100)
    assert list(made.sizes[made.fitted]) == [512, 1024, 2048, 4096]
    assert made.regime.law.exponent.value == pytest.approx(1, rel=1e-6)
    assert made.regime.name == "variance-limited"
    few = study(planted_widths(widths=WIDTHS[:5])).claims[-1]
    assert few.value is None
    assert few.note == "2 widths above 4 D = 400; a fit needs 4"


def test_a_width_that_diverged_is_left_out_and_named():
    runs = planted_widths(seeds=3)
    table = runs.table.copy()
    wild = (table.width == 64) & (table.seed == 1) & ~table.linearised
    table.loc[wild, "diverged"] = True
    table.loc[wild & (table.step > 25), "test_loss"] = np.nan
    made = excess_over_width(FIELDS, table, 100)
    assert made.diverged == (64,) and made.sizes[0] == 128
    assert made.left_out == 0 and made.losses.shape == (6, 3)
    result = study(runs._replace(table=table))
    assert result.summary["settings"][-1]["diverged_widths"] == [64]


def test_unpaired_initialisations_are_left_out_and_mixed_runs_refused():
    runs = planted_widths(seeds=3)
    table = runs.table
    lone = table[(table.seed < 2) | ~table.linearised]
    made = excess_over_width(FIELDS, lone, 100)
    assert made.left_out == 1 and made.losses.shape[1] == 2
    with pytest.raises(InputError, match="no width with a network and its linear"):
        study(runs._replace(table=table[table.linearised]))
    other = pd.concat([table, table.assign(train_size=50)], ignore_index=True)
    with pytest.raises(InputError, match="mix train sizes 50 and 100"):
        study(runs._replace(table=other))
    data = planted(seeds=2).table
    both = pd.concat([data, data.assign(width=16)], ignore_index=True)
    with pytest.raises(InputError, match="mix widths 8 and 16"):
        study(runs._replace(table=both))


def test_a_figure_of_widths_can_be_read():
    assert_can_be_written(study(planted_widths(seeds=3, scatter=0.2)))
    digits = planted(seeds=3).table.assign(dataset="digits")
    both = [planted_widths(seeds=3).table, digits]
    assert_can_be_written(study(Runs(pd.concat(both, ignore_index=True), [], [])))


def test_results_can_be_written_and_figures_read():
    tables = [planted(seeds=3).table, planted(exponent=0.8, seeds=3).table]
    tables[1] = tables[1].assign(loss="cross_entropy")
    tables[1]["run_id"] += "-other"
    assert_can_be_written(study(Runs(pd.concat(tables, ignore_index=True), [], [])))
    silent = planted(seeds=3, dead=range(3))
    assert_can_be_written(study(silent))
    assert list(itertools.chain(study(silent).tables["excess"]))


def widths_and_linearisations(widths, linearised=(False, True)):
    """The identity of runs on 100 examples."""
    grid = itertools.product(widths, linearised)
    return pd.DataFrame(
        [
            {**FIELDS, "train_size": 100, "width": width, "linearised": both}
            for width, both in grid
        ]
    )


def test_a_grid_that_can_be_fitted_is_accepted():
    check_grid(planted(sizes=SIZES[:4]).table)
    check_grid(widths_and_linearisations((64, 512, 724, 1024, 1448)))


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (planted(sizes=SIZES[:3]).table, "4 train sizes below the largest, got 3"),
        (planted(sizes=()).table, "4 train sizes below the largest, got 0"),
        (widths_and_linearisations((64, 400, 512, 724, 1024)), "4 widths above 400"),
        (widths_and_linearisations((512, 724, 1024, 1448), (True,)), "all linearised"),
    ],
)
def test_a_grid_that_cannot_be_fitted_is_refused_before_training(table, words):
    with pytest.raises(InputError, match=words):
        check_grid(table)
