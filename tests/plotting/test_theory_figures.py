import jax.numpy as jnp
import numpy as np
import pytest
from precision import double_precision

from scaletime_jax.analysis.linear_dynamics import (
    make_data_curves,
    make_regression,
    make_size_time_curves,
    make_trajectories,
)
from scaletime_jax.analysis.linear_tradeoff import make_step_curves
from scaletime_jax.analysis.subspace import compare_bounds, make_quadratic
from scaletime_jax.plotting.linear_dynamics import plot_linear_dynamics
from scaletime_jax.plotting.linear_tradeoff import plot_linear_tradeoff
from scaletime_jax.plotting.style import save_figure
from scaletime_jax.plotting.subspace import plot_subspace


def test_steps_are_drawn_with_what_overshoots_open(tmp_path):
    steps = np.array([[90, 90], [40, 50], [20, -1], [10, 12]])[..., None]
    largest = np.array([[0.1, 0.1], [0.2, 0.2], [0.5, 2.1], [0.9, 1.5]])
    curves = make_step_curves(steps, largest, [10, 20, 40, 80], [0.1], 1e-6)
    figure = plot_linear_tradeoff([curves, curves])
    full, rough = figure.axes[0].lines[:2]
    np.testing.assert_allclose(full.get_ydata(), [90, 45, np.nan, 11])
    assert rough.get_markerfacecolor() == "white"
    np.testing.assert_allclose(rough.get_ydata(), [np.nan, 11])
    assert figure.axes[0].get_xscale() == figure.axes[0].get_yscale() == "log"
    assert "steps" in figure.get_supylabel()
    save_figure(figure, tmp_path / "steps")
    assert "1:1 exchange" in (tmp_path / "steps.svg").read_text()


@pytest.mark.parametrize("times", [[0.01, 0.1, 1.0], [1e6]])
def test_bounds_are_drawn_even_where_all_has_arrived(tmp_path, times):
    with double_precision():
        problem = make_quadratic(jnp.ones(2), jnp.zeros(2))
        cov = 50 * jnp.eye(2)
        comparison = compare_bounds(problem, cov, [5, 50], times, 1e-3, 20, 0.05, 0)
    figure = plot_subspace([comparison])
    names = [axis.get_title() for axis in figure.axes]
    assert "Theorem 1" in names and "our bound, G known" in names
    hatched = [patch for patch in figure.axes[1].patches if patch.get_hatch()]
    assert len(hatched) == (comparison.under_way & comparison.vacuous).sum()
    save_figure(figure, tmp_path / "bounds")


def test_dynamics_have_four_panels(tmp_path):
    with double_precision():
        trajectories = make_trajectories(np.geomspace(0.01, 1e4, 20))
        data = make_data_curves([5, 10, 20], 10, 0.5, [1.0, np.inf], 10, 0)
        both = make_size_time_curves(
            make_regression(0, modes=2), [30, 100], np.ones(1), [100], [0.1], 5, 0
        )
    figure = plot_linear_dynamics(trajectories, data, both)
    assert len(figure.axes) == 4
    assert all(axis.get_xlabel() and axis.get_ylabel() for axis in figure.axes)
    labels = figure.axes[3].get_legend_handles_labels()[1]
    assert labels == ["limit", "along $p$, $t$ = 0.1", "along $t$, $p$ = 100"]
    save_figure(figure, tmp_path / "dynamics")
