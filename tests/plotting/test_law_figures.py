"""Figures of equivalence, laws and plans show what was found."""

import numpy as np
import pytest
from planted import PARAMS, planted_runs

from scaletime_jax.laws.backtest import DIRECTIONS, Split, backtest, score
from scaletime_jax.laws.budget import Budget, Limits
from scaletime_jax.laws.planner import best_plan
from scaletime_jax.laws.ranking import rank_laws
from scaletime_jax.laws.threshold_scan import scan_thresholds
from scaletime_jax.plotting.backtest import plot_backtest
from scaletime_jax.plotting.equivalence import MARKERS, plot_equivalence
from scaletime_jax.plotting.plan import plot_plan
from scaletime_jax.runs.learning_curves import learning_curves
from scaletime_jax.studies.equivalence import find_collapses
from scaletime_jax.studies.plan import DrawnPlan

EPOCHS = np.logspace(-1, 2, 31)


def law(p, t, n, _):
    loss = 0.005 + 0.085 * (1 + p * t * n / 1e5) ** -0.5
    return loss, loss


@pytest.fixture(scope="module")
def table():
    return planted_runs(law, EPOCHS, (500, 2000), scatter=0.2)


def test_equivalence(table):
    made, scans = find_collapses(table), scan_thresholds(table)
    [figure] = plot_equivalence(made, scans).values()
    curves, collapsed, exponents, by_threshold, pairs, words = figure.axes
    drawn = [line for line in pairs.lines if line.get_marker() == "o"]
    np.testing.assert_array_equal(drawn[0].get_ydata(), made[-1].pairs.values)
    for k in range(len(PARAMS)):
        raw, laid = curves.lines[k], collapsed.lines[k]
        ratio = (list(PARAMS.values())[k] / PARAMS[1]) ** made[-1].kappa.value
        np.testing.assert_allclose(laid.get_xdata(), raw.get_xdata() * ratio)
        np.testing.assert_array_equal(laid.get_ydata(), raw.get_ydata())
    points = [
        line for line in exponents.lines if line.get_marker() not in ("None", None)
    ]
    assert [p.get_ydata()[0] for p in points] == [each.kappa.value for each in made]
    assert {p.get_marker() for p in points} <= {m["marker"] for m in MARKERS.values()}
    said = words.texts[0].get_text()
    assert f"{made[-1].kappa.value:+.3g}" in said and made[-1].verdict in said
    shown = [line for line in by_threshold.lines if len(line.get_xdata()) > 2]
    for line, scan in zip(shown, scans, strict=True):
        known = [kappa.value is not None for kappa in scan.kappa]
        np.testing.assert_array_equal(line.get_xdata(), np.array(scan.shares)[known])


def test_thresholds_of_logs_are_losses(table):
    logs = table.assign(guessing_loss=np.nan)
    scans = scan_thresholds(logs)
    [figure] = plot_equivalence(find_collapses(logs), scans).values()
    by_threshold = figure.axes[3]
    assert by_threshold.get_xlabel() == "test loss"
    low, high = by_threshold.get_xlim()
    assert low > high  # training goes to the right
    shown = [line for line in by_threshold.lines if len(line.get_xdata()) > 2]
    for line, scan in zip(shown, scans, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), scan.thresholds)


def test_an_exponent_that_was_not_found_is_not_drawn(table):
    flat = table.assign(test_loss=0.09)
    made = find_collapses(flat)
    [figure] = plot_equivalence(made, scan_thresholds(flat)).values()
    assert "not measured" in figure.axes[5].texts[0].get_text()
    assert len(figure.axes[2].lines) == 1  # the dotted 1/3
    for panel in figure.axes[2:5]:
        assert [text.get_text() for text in panel.texts] == ["not measured"]


def test_millions_of_examples_read_well(table):
    made = find_collapses(table)
    many = [each._replace(fields={**each.fields, "train_size": 10**8}) for each in made]
    [figure] = plot_equivalence(many, scan_thresholds(table)).values()
    assert figure.axes[5].texts[0].get_text().startswith("100M training examples:")
    assert not any(panel.texts for panel in figure.axes[2:5])


def test_backtest(table):
    scores = score(backtest(table, Split()))
    [figure] = plot_backtest(scores).values()
    assert len(figure.axes) == 2
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    for axis, direction in zip(figure.axes, DIRECTIONS, strict=True):
        mine = [each for each in scores if each.direction == direction]
        points = {
            names[int(line.get_ydata()[0])]: line
            for line in axis.lines
            if line.get_marker() == "o"
        }
        reached = {each.predictor for each in mine if each.reached > 0}
        assert set(points) == reached and len(names) == len(mine)
        for each in mine:
            if each.predictor in points:
                line = points[each.predictor]
                assert line.get_xdata()[0] == each.error.value
                hollow = line.get_markerfacecolor() == "white"
                assert hollow == (each.reached < 0.995)
        said = [text.get_text() for text in axis.texts]
        assert sum(text.endswith("%") for text in said) == len(reached)


def test_plan(table):
    curves = learning_curves(table, ceiling=0.09)
    budget = Budget(6e9, "FLOP", lambda size: 6 * size)
    limits = Limits((8_400.0, 1e6), 300.0, [500.0, 2000.0])
    plan = best_plan(curves, budget, rank_laws(curves, budget, limits))
    sizes, epochs = np.geomspace(8_400, 1e6, 9), np.geomspace(0.1, 300, 8)
    loss = np.add.outer(1 / epochs, 1 / np.log(sizes))
    measured = np.array([[8_400.0, 2e4], [1.0, 10.0]])
    fields = {"dataset": "planted", "architecture": "mlp", "optimizer": "sgd"}
    fields |= {"learning_rate": 0.01, "label_noise": 0.0, "loss": "mse"}
    found = plan.best, plan.as_good, plan.frontier
    drawn = DrawnPlan(
        fields, "6e9 FLOP", "epochs", *found, measured, sizes, epochs, loss
    )
    [figure] = plot_plan(drawn).values()
    left, right = figure.axes
    frontier = np.array([(each.num_params, each.loss) for each in plan.frontier]).T
    np.testing.assert_array_equal(left.lines[0].get_data(), frontier)
    for axis, value in ((left, plan.best.loss), (right, plan.best.epoch)):
        [best] = [line for line in axis.lines if line.get_markersize() == 7]
        assert best.get_xdata()[0] == plan.best.num_params
        assert best.get_ydata()[0] == value
    assert "6e9 FLOP" in figure.get_suptitle() and "SGD" in figure.get_suptitle()
