import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tracked import Tracked
from written import assert_can_be_written

from scaletime_jax.studies.subspace import Options, compare_bounds, study
from scaletime_jax.studies.subspace_bounds import GAUSSIAN, KNOWN, THEOREM1
from scaletime_jax.studies.subspace_problems import make_logistic, make_quadratic
from scaletime_jax.theory.random_subspace import limit_flow

RATE = 1e-3


@pytest.fixture
def problems(float64):
    rng = np.random.default_rng(0)
    k = rng.normal(size=(3, 50))
    inputs = jnp.array(rng.normal(size=(30, 3)))
    signs = jnp.sign(jnp.array(rng.normal(size=30)))
    alpha0 = jnp.array([1.0, -2.0, 0.5])
    quadratic = make_quadratic(alpha0, jnp.array([0.5, 1.0, 1.5]))
    return jnp.array(k @ k.T), quadratic, make_logistic(inputs, signs, 0.1, alpha0)


@pytest.mark.parametrize("number", [1, 2])
def test_constants_are_those_of_the_loss(problems, number):
    """mu <= Hessian <= h everywhere, ||grad L|| <= l along the flow."""
    cov, problem = problems[0], problems[number]
    points = 5 * jax.random.normal(jax.random.key(0), (200, 3))
    hessians = jax.vmap(jax.jacfwd(problem.loss_grad))(points)
    values = jnp.linalg.eigvalsh(hessians)
    assert values.min() >= problem.convexity * (1 - 1e-9)
    assert values.max() <= problem.smoothness * (1 + 1e-9)
    path = limit_flow(
        problem.loss_grad, cov, problem.alpha0, jnp.geomspace(0.01, 1e3, 20), RATE
    )
    path = jnp.concatenate([problem.alpha0[None], path])
    slopes = jnp.linalg.norm(jax.vmap(problem.loss_grad)(path), axis=1)
    assert slopes.max() <= problem.lipschitz * (1 + 1e-9)


def compare(problems, number, draws=200, **changes):
    cov, problem = problems[0], problems[number]._replace(**changes)
    times = [0.01, 0.1, 1.0]
    return compare_bounds(problem, cov, [5, 500], times, RATE, draws, 0.05, seed=1)


@pytest.mark.parametrize("number", [1, 2])
def test_no_bound_fails_and_ours_are_closer(problems, number):
    comparison = compare(problems, number)
    assert comparison.observed.shape == (2, 3) and comparison.under_way.any()
    for name, above in comparison.violations.items():
        allowed = 0 if name == KNOWN else 0.05 * 200
        assert above.max() <= allowed, name
    ratio = comparison.ratio(KNOWN)[comparison.under_way]
    assert (ratio >= 1).all()
    theorem = comparison.ratio(THEOREM1)[comparison.under_way]
    assert np.median(ratio) < np.median(theorem)
    assert (comparison.bounds[GAUSSIAN] >= comparison.bounds[KNOWN]).all()


def test_what_is_above_a_bound_is_counted(problems):
    """With Theorem 1 shrunk to the 95% quantile, one draw in twenty is above it."""
    honest = compare(problems, 1)
    share = honest.observed[1, 0] / honest.bounds[THEOREM1][1, 0]
    shrunk = compare(problems, 1, lipschitz=problems[1].lipschitz * float(share))
    assert shrunk.violations[THEOREM1][1, 0] == pytest.approx(10, abs=1)
    assert shrunk.violations[KNOWN].max() == 0


def test_where_both_have_arrived_there_is_no_ratio(problems):
    cov, problem, _ = problems
    late = compare_bounds(problem, cov, [500], [1e-2, 1e4], RATE, 20, 0.05, seed=1)
    assert late.under_way.tolist() == [[True, False]]
    assert np.isnan(late.ratio(KNOWN)[0, 1]) and late.vacuous[0, 1]


@pytest.mark.slow
def test_a_study_sets_both_losses_beside_all_bounds(float64):
    track = Tracked()
    options = Options([10, 1000], [1.0, 100.0], draws=100)
    result = study(options, track)
    assert_can_be_written(result)
    assert track.words == ["quadratic, sizes", "logistic with ridge, sizes"]
    assert list(result.tables) == ["quadratic", "logistic-with-ridge"]
    assert all(len(cells) == 4 for cells in result.tables.values())
    assert len(result.summary["bounds"]) == len(result.notes) == 8
