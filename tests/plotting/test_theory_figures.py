import jax
import jax.numpy as jnp
import numpy as np
import pytest
from precision import double_precision

from scaletime_jax.plotting.duality import plot_duality
from scaletime_jax.plotting.linear_dynamics import plot_linear_dynamics
from scaletime_jax.plotting.linear_tradeoff import plot_linear_tradeoff
from scaletime_jax.plotting.random_features import plot_random_features
from scaletime_jax.plotting.style import save_figure
from scaletime_jax.plotting.subspace import plot_subspace
from scaletime_jax.stats.estimates import Estimate
from scaletime_jax.studies.duality import Panel, measure_duality
from scaletime_jax.studies.feature_pool import curve_of, measure_spectrum
from scaletime_jax.studies.four_regimes import Sizes, measure_regimes
from scaletime_jax.studies.kernel_targets import curves_of, study_kernel
from scaletime_jax.studies.linear_dynamics import make_data_curves, make_trajectories
from scaletime_jax.studies.linear_tradeoff import make_step_curves
from scaletime_jax.studies.planted_spectra import measure_planted
from scaletime_jax.studies.size_time import make_regression, make_size_time_curves
from scaletime_jax.studies.subspace import compare_bounds
from scaletime_jax.studies.subspace_problems import make_quadratic


def test_steps_are_drawn_with_what_overshoots_open(tmp_path):
    steps = np.array([[90, 90], [40, 50], [20, -1], [10, 12]])[..., None]
    largest = np.array([[0.1, 0.1], [0.2, 0.2], [0.5, 2.1], [0.9, 1.5]])
    curves = make_step_curves(steps, largest, [10, 20, 40, 80], [0.1], 1e-6)
    [figure] = plot_linear_tradeoff([curves, curves]).values()
    full, rough = figure.axes[0].lines[:2]
    np.testing.assert_allclose(full.get_ydata(), [90, 45, np.nan, 11])
    assert rough.get_markerfacecolor() == "white"
    np.testing.assert_allclose(rough.get_ydata(), [np.nan, 11])
    assert figure.axes[0].get_xscale() == figure.axes[0].get_yscale() == "log"
    assert "steps" in figure.get_supylabel()
    save_figure(figure, tmp_path / "steps")
    assert "1:1 exchange" in (tmp_path / "steps.svg").read_text()


@pytest.mark.parametrize(
    "times", [pytest.param([0.01, 0.1, 1.0], marks=pytest.mark.slow), [1e6]]
)
def test_bounds_are_drawn_even_where_all_has_arrived(tmp_path, times):
    with double_precision():
        problem = make_quadratic(jnp.ones(2), jnp.zeros(2))
        cov = 50 * jnp.eye(2)
        comparison = compare_bounds(problem, cov, [5, 50], times, 1e-3, 20, 0.05, 0)
    [figure] = plot_subspace([comparison]).values()
    names = [axis.get_title() for axis in figure.axes]
    assert "Theorem 1" in names and "our bound, G known" in names
    hatched = [patch for patch in figure.axes[1].patches if patch.get_hatch()]
    assert len(hatched) == (comparison.under_way & comparison.vacuous).sum()
    save_figure(figure, tmp_path / "bounds")


@pytest.mark.slow
def test_dynamics_have_four_panels(tmp_path):
    with double_precision():
        trajectories = make_trajectories(np.geomspace(0.01, 1e4, 20))
        data = make_data_curves([5, 10, 20], 10, 0.5, [1.0, np.inf], 10, 0)
        both = make_size_time_curves(
            make_regression(0, modes=2), [30, 100], np.ones(1), [100], [0.1], 5, 0
        )
    [figure] = plot_linear_dynamics(trajectories, data, both).values()
    assert len(figure.axes) == 4
    assert all(axis.get_xlabel() and axis.get_ylabel() for axis in figure.axes)
    labels = figure.axes[3].get_legend_handles_labels()[1]
    assert labels == ["limit", "along $p$, $t$ = 0.1", "along $t$, $p$ = 100"]
    save_figure(figure, tmp_path / "dynamics")


@pytest.fixture(scope="module")
def small_regimes():
    """A pool, planted spectra and a kernel, all of Gaussian features."""
    with double_precision():
        return make_regimes()


def make_regimes():
    keys = jax.random.split(jax.random.key(0))
    features = jax.random.normal(keys[0], (120, 60)) * jnp.arange(1.0, 61) ** -0.8
    spectrum = measure_spectrum(features)
    sizes = Sizes([8, 16, 32], 2, [32, 64, 100], [32, 48, 60])
    regimes = measure_regimes(features, spectrum.eigenvalues, sizes, 3, 0)
    (planted,) = measure_planted([1.0], 200, [8, 16, 32], 3, 0)
    kernel = features @ features.T + 0.01 * jnp.eye(120)
    labels = np.asarray(jax.random.normal(keys[1], (120, 2)))
    study = study_kernel("linear", kernel, labels, [8, 16, 32], 3, 0)
    return [(4, curve_of(spectrum), regimes)], [planted], [curves_of(study)]


@pytest.mark.slow
def test_regimes_and_wide_networks_have_nine_panels(small_regimes, tmp_path):
    pools, planted, kernels = small_regimes
    figure, wide = plot_random_features(pools, planted, kernels, 2).values()
    axes = figure.axes + wide.axes
    assert len(axes) == 9 and all(a.get_xlabel() and a.get_ylabel() for a in axes)
    [theory] = figure.axes[3].get_lines()[1:]  # after the points
    panel = pools[0][2].resolution_data
    np.testing.assert_allclose(theory.get_ydata(), panel.theory)
    exponent = panel.law.exponent.value
    assert f"{exponent:.3f}" in figure.axes[3].get_legend().get_texts()[0].get_text()
    save_figure(figure, tmp_path / "regimes")


@pytest.mark.slow
def test_a_spectrum_without_a_fit_is_drawn_all_the_same(small_regimes):
    [(size, spectrum, regimes)], planted, studies = small_regimes
    bare = spectrum._replace(exponent=Estimate(None, None))
    figure, _ = plot_random_features(
        [(size, bare, regimes)], planted, studies, 2
    ).values()
    texts = figure.axes[5].get_legend().get_texts()
    assert texts[0].get_text() == "pooled by 4"


@pytest.mark.slow
def test_duality_has_a_panel_for_each_fixed_number(tmp_path):
    with double_precision():
        features = jax.random.normal(jax.random.key(0), (90, 40))
        spectrum = measure_spectrum(features).eigenvalues
        panels = []
        for fixed in (10, 20):
            small, tuned = measure_duality(
                features, spectrum, fixed, [5, 10, 30], [1.0, 100.0], 3, 0
            )
            panels.append(Panel(2, small, tuned, 0.0))
    [figure] = plot_duality(panels).values()
    assert len(figure.axes) == 2
    words = [axis.texts[0].get_text() for axis in figure.axes]
    assert words == ["pooled by 2\nother fixed at 10", "pooled by 2\nother fixed at 20"]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["ridge 1", "tuned ridge", "over data", "over features"]
    save_figure(figure, tmp_path / "duality")
