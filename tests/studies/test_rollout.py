"""What the study of rollouts says and draws of planted runs."""

import numpy as np
import pytest
from planted import PARAMS, planted_runs

from scaletime_jax.laws.rollout import LAWS, choose
from scaletime_jax.plotting.rollout import plot_rollout
from scaletime_jax.runs.read import Runs
from scaletime_jax.studies import rollout

SIZES = sorted(PARAMS.values())


def added(p, t, n, _):
    loss = 0.005 + 40 * p**-2.5 + 0.02 * t**-0.6
    return loss, loss


@pytest.fixture(scope="module")
def result():
    table = planted_runs(added, np.logspace(-1, 2, 31), scatter=0.02)
    metadata = [{"run_ids": [*table.run_id.unique()]}]
    few = [law for law in LAWS if law.name in ("no change", "additive")]
    return rollout.study(Runs(table, metadata, []), np.inf, few)


def test_the_summary_has_the_choice_and_the_table_all_rungs(result):
    by = {each["direction"]: each for each in result.summary["chosen"]}
    assert by["num_params"]["law"] == by["epoch"]["law"] == "additive"
    assert by["num_params"]["target"] == SIZES[-1]
    assert by["epoch"]["distance"] == pytest.approx(2)
    rows = result.tables["rungs"]
    assert len(rows) == 2 * (3 + 15)
    last = [
        row
        for row in rows
        if row["predictor"] == "additive" and row["target"] == SIZES[-1]
    ]
    assert by["num_params"]["error"]["value"] in [row["error"] for row in last]


def test_notes_and_conclusion_name_law_and_errors(result):
    [sizes, times] = result.notes
    assert "additive, chosen on the lower rungs, predicts 119,910 parameters" in sizes
    assert "predicts 100 epochs from up to 50" in times
    assert "On the largest networks the law chosen on the lower rungs (additive)" in (
        result.conclusion
    )


def test_the_chosen_law_is_thick_and_ends_in_a_star(result):
    [figure] = plot_rollout(**result.figure).values()
    chosen = {each.law.direction: each.law for each in choose(result.figure["rungs"])}
    for axis, direction in zip(figure.axes, ("num_params", "epoch"), strict=True):
        [star] = [line for line in axis.lines if line.get_marker() == "*"]
        law = chosen[direction]
        assert star.get_xdata()[0] == law.distance
        assert star.get_ydata()[0] == law.errors[0]
        assert axis.get_title().endswith("chosen: additive")
        thick = [line for line in axis.lines if line.get_linewidth() > 2]
        assert len(thick) == 1


def test_several_settings_have_an_overview(result):
    rungs, chosen = result.figure["rungs"], result.figure["chosen"]
    other = {"dataset": "other"}
    more = [each._replace(fields={**each.fields, **other}) for each in rungs]
    again = [
        each._replace(law=each.law._replace(fields={**each.law.fields, **other}))
        for each in chosen
    ]
    figures = plot_rollout([*rungs, *more], [*chosen, *again])
    assert len(figures) == 3
    overview = next(iter(figures.values()))
    names = [label.get_text() for label in overview.axes[0].get_yticklabels()]
    assert len(names) == 2
