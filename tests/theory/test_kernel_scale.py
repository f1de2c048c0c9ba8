"""The kernel's mean diagonal against networks drawn in NumPy, one by one."""

import itertools

import numpy as np
import pytest

from scaletime_jax.errors import InputError
from scaletime_jax.theory.kernel_scale import (
    LayerDraw,
    draw_layers,
    kernel_scale,
    predicted_slopes,
)

pytestmark = pytest.mark.usefixtures("float64")
UNITS = 3, 4, 2, 5, 2
X = np.array([1.0, -2.0, 0.5])


def drawn_squares(draws, uniform, count):
    """Returns [count, layers, 2]: squared derivatives by weights and by biases."""
    rng = np.random.default_rng(0)

    def draw(variance, *shape):
        if uniform:
            return rng.uniform(-1, 1, shape) * np.sqrt(3 * variance)
        return rng.normal(size=shape) * np.sqrt(variance)

    h = np.broadcast_to(X, (count, len(X)))
    inputs, gates, kernels = [], [], []
    for (n, m), each in zip(itertools.pairwise(UNITS), draws, strict=True):
        w, b = (
            draw(each.weight_variance, count, m, n),
            draw(each.bias_variance, count, m),
        )
        inputs.append(h)
        kernels.append(each.gain * w)
        a = np.einsum("cmn,cn->cm", kernels[-1], h) + b
        gates.append(a > 0)
        h = np.maximum(a, 0)
    delta, found = np.zeros((count, UNITS[-1])), []
    delta[:, 0] = 1  # the first output
    for layer in range(len(draws) - 1, -1, -1):
        square = (delta**2).sum(1)
        by_weights = draws[layer].gain ** 2 * (inputs[layer] ** 2).sum(1) * square
        found.append(np.stack([by_weights, square], axis=1))
        if layer:
            back = np.einsum("cm,cmn->cn", delta, kernels[layer])
            delta = back * gates[layer - 1]
    return np.stack(found[::-1], axis=1)


@pytest.mark.parametrize(
    ("name", "uniform"),
    [
        ("pytorch", True),
        ("he", False),
        ("lecun", False),
        ("glorot", True),
        ("ntk", False),
    ],
)
def test_each_layer_is_the_mean_over_drawn_networks(name, uniform):
    draws = draw_layers(name, UNITS)
    theory = kernel_scale(X @ X, UNITS, draws)
    squares = drawn_squares(draws, uniform, 100_000)
    error = squares.std(axis=0) / np.sqrt(len(squares))
    both = np.stack([theory.weights, theory.biases], axis=1)
    # ten numbers: four standard errors, and rounding where nothing is random
    assert (np.abs(squares.mean(axis=0) - both) < 4 * error + 1e-12).all()
    assert theory.total == pytest.approx(both.sum())
    assert theory.num_params == sum((n + 1) * m for n, m in itertools.pairwise(UNITS))


def test_gains_and_biases_of_any_layer_count():
    draws = [LayerDraw(0.7, 0.3, 0.5), LayerDraw(1.1, 0.0, 2.0), LayerDraw(0.2, 2.0)]
    draws.append(LayerDraw(0.4, 0.1, 3.0))
    theory = kernel_scale(X @ X, UNITS, draws)
    squares = drawn_squares(draws, False, 100_000)
    error = squares.std(axis=0) / np.sqrt(len(squares))
    both = np.stack([theory.weights, theory.biases], axis=1)
    assert (np.abs(squares.mean(axis=0) - both) < 4 * error + 1e-12).all()


@pytest.mark.parametrize(
    ("name", "limit"),
    [("he", 0.5), ("pytorch", 0.5), ("ntk", 0.0), ("glorot", 0.0), ("lecun", 0.5)],
)
def test_slopes_at_infinite_width(name, limit):
    widths = [10**6, 10**7]
    nets = [[784, n, n, n, n, n, 10] for n in widths]
    scales = [kernel_scale(700.0, units, draw_layers(name, units)) for units in nets]
    [slope] = predicted_slopes(scales)
    assert slope == pytest.approx(limit, abs=1e-3)  # corrections of order 1 / width


def test_no_slope_is_a_third_for_pytorchs_initialisation_at_the_papers_widths():
    """The last bias is nearly the whole kernel, so that size is worth little time."""
    nets = [[784, *[10 * s] * 5, 10] for s in (1, 2, 5, 10, 20, 50, 100)]
    scales = [
        kernel_scale(727.0, units, draw_layers("pytorch", units)) for units in nets
    ]
    slopes = np.asarray(predicted_slopes(scales))
    assert (np.diff(slopes) > 0).all() and slopes[-1] < 0.15
    assert scales[0].biases[-1] / scales[0].total > 0.6


def test_mistakes_are_named():
    draws = draw_layers("he", UNITS)
    with pytest.raises(InputError, match="'xavier' is none of pytorch, lecun"):
        draw_layers("xavier", UNITS)
    with pytest.raises(InputError, match="one more than layers, got 4 and 4"):
        kernel_scale(1.0, UNITS[1:], draws)
    with pytest.raises(InputError, match="square_norm must be above 0"):
        kernel_scale(0.0, UNITS, draws)
    one = kernel_scale(1.0, UNITS, draws)
    with pytest.raises(InputError, match="ascending num_params"):
        predicted_slopes([one, one])
