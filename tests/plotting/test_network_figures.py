"""The figures show the numbers that the analysis made, on labelled axes."""

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from planted import PARAMS, planted_runs

from scaletime_jax.plotting.data_scaling import plot_data_scaling
from scaletime_jax.plotting.effective_size import plot_effective_size
from scaletime_jax.plotting.extrapolate import plot_extrapolate
from scaletime_jax.plotting.label_noise import plot_label_noise
from scaletime_jax.plotting.settings import describe_setting, title_of
from scaletime_jax.plotting.style import make_panels
from scaletime_jax.runs.guessing import Level
from scaletime_jax.runs.read import Runs
from scaletime_jax.studies.data_scaling import scale_data
from scaletime_jax.studies.effective_size import study_capacity
from scaletime_jax.studies.label_noise import study_noise
from scaletime_jax.studies.predicted_losses import Protocol, extrapolate

LIMIT = {"planted": 0.09}
PROTOCOL = Protocol(target_epochs=10.0, source_epochs=1.0)
EPOCHS = np.concatenate([[0.0], np.geomspace(0.1, 100, 16)])
SIZES = (100, 200, 500, 1000, 2000, 5000)


def law(p, t, n, noise):
    loss = 0.02 + 0.2 / (1 + p * t * n / 30_000) + 0.05 * noise * t / (10 + t)
    return loss, 2 * loss


@pytest.fixture(scope="module")
def table():
    return planted_runs(law, EPOCHS, SIZES, (0.0, 0.2), scatter=0.1)


@pytest.fixture(scope="module")
def clean(table):
    return table[table.label_noise == 0]


def lines(axis, **wanted):
    return [
        line
        for line in axis.lines
        if all(getattr(line, f"get_{k}")() == v for k, v in wanted.items())
    ]


def bands(axis):
    return [c for c in axis.collections if isinstance(c, PolyCollection)]


def only(figures):
    """The figure of the only setting."""
    [(title, figure)] = figures.items()
    assert title.startswith("planted, MLP, SGD 0.01")
    return figure


def assert_logarithmic(axes):
    assert all(axis.get_yscale() == axis.get_xscale() == "log" for axis in axes)


def test_extrapolation(clean):
    made, _ = extrapolate(Runs(clean, [], []), 0.09, PROTOCOL)
    figure = only(plot_extrapolate(made, 0.1))
    assert len(figure.axes) == 4
    assert_logarithmic(figure.axes)
    labels = [axis.get_xlabel() for axis in figure.axes]
    assert labels == ["effective size $p$", "epochs"] * 2
    first = figure.axes[0]
    assert first.get_ylabel() == "test MSE"
    predicted = lines(first, linestyle="--")
    assert len(predicted) == 4  # of six sizes
    expected = [
        m.predicted.mean
        for m in made
        if (m.direction, m.loss) == ("size", "test_loss")
        and m.fields["train_size"] in (100, 500, 1000, 5000)
    ]
    for line, mean in zip(predicted, expected, strict=True):
        np.testing.assert_allclose(line.get_ydata(), mean)
    assert len(bands(first)) == 9  # of four curves, and the claim's limits
    [truth] = [m.truth for m in made if m.direction == "size"][-2:-1]
    heights = bands(first)[-1].get_paths()[0].vertices[:, 1]
    assert heights.max() == pytest.approx(truth.mean.max() * np.exp(0.1))
    assert lines(first, linestyle=":")[0].get_ydata()[0] == 0.09


def test_data_scaling(clean):
    made = scale_data(clean, [Level(None, LIMIT)])
    figure = only(plot_data_scaling(made, None))
    test, train, exponents = figure.axes
    assert_logarithmic([test, train])
    assert "exponent" in exponents.get_ylabel()
    assert "test MSE" in test.get_ylabel() and train.get_ylabel() == "train MSE"
    for axis, name in ((test, "test"), (train, "train")):
        drawn = lines(axis, marker="o")
        assert len(drawn) == len(PARAMS) == len(bands(axis))
        for line, curve in zip(drawn, made[0].curves, strict=True):
            np.testing.assert_allclose(line.get_ydata(), getattr(curve, name).mean)
        first, heights = (
            getattr(made[0].curves[0], name),
            bands(axis)[0].get_paths()[0].vertices[:, 1],
        )
        assert heights.max() == pytest.approx((first.mean + first.sem).max())
        assert heights.min() == pytest.approx((first.mean - first.sem).min())
    # darker is wider
    greys = [sum(line.get_color()[:3]) for line in lines(test, marker="o")]
    assert greys == sorted(greys, reverse=True)


def test_label_noise(table):
    [study] = study_noise(table)
    figure = only(plot_label_noise([study]))
    assert_logarithmic(figure.axes)
    for axis, effect in zip(figure.axes, study.effects, strict=True):
        clean, noisy, *half = axis.lines
        assert len(half) == (effect.axis != "train_size")
        for line in half:
            added = line.get_ydata() - effect.clean.mean
            most = np.max(effect.noisy.mean - effect.clean.mean)
            np.testing.assert_allclose(added, most / 2)
        np.testing.assert_allclose(clean.get_ydata(), effect.clean.mean)
        np.testing.assert_allclose(noisy.get_ydata(), effect.noisy.mean)
        assert len(bands(axis)) == 2
    texts = [axis.texts[0].get_text() for axis in figure.axes]
    assert texts == ["$s$ = 2, $n$ = 500", "$n$ = 500", "$s$ = 2"]


def test_capacity_draws_bounds_as_bounds(clean):
    def capacity_law(p, t, n, _):
        capacity = 150 * (p**3 / 8400) ** 0.8
        train = 0.09 / n * np.maximum(1 + np.log(n / capacity), 0.01)
        return np.ones_like(t), train + 0 * t

    runs = planted_runs(capacity_law, np.array([0.0, 1.0]), (200, 500, 1000))
    [study] = study_capacity(runs, LIMIT)
    [axis] = only(plot_effective_size([study])).axes
    count = {marker: len(lines(axis, marker=marker)) for marker in "o^v"}
    bounds = [c.bound for n in study.networks for c in n.seeds.values()]
    wanted = {
        m: bounds.count(b) for m, b in (("o", "exact"), ("^", "above"), ("v", "below"))
    }
    assert count == wanted and min(count.values()) > 0
    assert all(
        line.get_markerfacecolor() == "white" for line in lines(axis, marker="v")
    )
    guides = [
        line for line in lines(axis, linestyle="--") if len(line.get_xdata()) == 2
    ]
    for line in guides:
        slope = np.diff(np.log(line.get_ydata())) / np.diff(np.log(line.get_xdata()))
        assert slope == pytest.approx(1 / 3)
    assert len(guides) > 3


def test_a_missing_cell_leaves_the_rest(clean):
    gone = (clean.width == 10) & (clean.train_size >= 1000)
    part = clean[~gone]
    figure = only(plot_data_scaling(scale_data(part, [Level(None, LIMIT)]), None))
    lengths = [len(line.get_xdata()) for line in lines(figure.axes[0], marker="o")]
    assert lengths == [6, 6, 6, 3]
    plot_extrapolate(extrapolate(Runs(part, [], []), 0.09, PROTOCOL)[0], 0.1)
    plot_effective_size(study_capacity(part, LIMIT))


def test_panels_with_none_below_have_tick_labels():
    axes = make_panels(Figure(), 4)
    assert len(axes) == 4
    shown = [axis.xaxis.get_major_ticks()[0].label1.get_visible() for axis in axes]
    assert shown == [False, True, True, True]


def test_long_names_are_cut_in_figures_and_told_apart_in_titles():
    one, other = ({"dataset": f"npz:{'x' * 200}{n}{'y' * 30}"} for n in (1, 2))
    assert (
        describe_setting(one) == describe_setting(other) == f"npz:{'x' * 14}…{'y' * 18}"
    )
    assert title_of(one) != title_of(other)
