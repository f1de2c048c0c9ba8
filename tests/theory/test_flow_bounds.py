import jax
import jax.numpy as jnp
import numpy as np
import pytest
from precision import double_precision

from scaletime_jax.theory.flow_bounds import (
    loss_bound,
    quadratic_bound,
    quadratic_bound_apriori,
    strongly_convex_bound,
    strongly_convex_bound_apriori,
    theorem1_bound,
)
from scaletime_jax.theory.gram_spread import gaussian_spread, markov_spread
from scaletime_jax.theory.random_subspace import (
    gradient_flow,
    limit_flow,
    quadratic_flow,
    sample_gram,
)

RATE, FAILURE, DRAWS = 1e-3, 0.1, 1000
SIZES = (3, 10, 100, 10_000)
K = np.random.default_rng(0).normal(size=(3, 1000)) / 5  # Sigma near 40 I
with double_precision():
    COV = jnp.asarray(K @ K.T)
    ALPHA0, STAR = jnp.array([1.0, -2.0, 0.5]), jnp.array([0.5, 1.0, 1.5])
D0 = float(np.linalg.norm(ALPHA0 - STAR))
# a loss that is not quadratic: f(a) = sum log cosh(a) + mu/2 ||a||^2, 1 <= f''/mu
CONVEXITY = 0.3


def curved_grad(alpha):
    return jnp.tanh(alpha) + CONVEXITY * alpha


def draw(p):
    keys = jax.random.split(jax.random.fold_in(jax.random.key(0), p), DRAWS)
    return jax.vmap(lambda key: sample_gram(key, COV, p))(keys)


def quadratic_distances(grams, p, times):
    """Returns [draws, times] ||alpha(t) - A(p t)||."""
    limit = quadratic_flow(COV, ALPHA0, STAR, p * times, RATE)
    flows = jax.vmap(lambda g: quadratic_flow(g, ALPHA0, STAR, times, RATE))(grams)
    return np.linalg.norm(flows - limit, axis=-1)


def scaled_times(p):
    """Progress from hardly begun to long done, at the mean rate."""
    return jnp.array([0.03, 0.3, 3.0, 30.0]) / (RATE * p * 40)


@pytest.mark.parametrize("p", SIZES)
def test_quadratic_bound_holds_in_every_draw(p):
    times, grams = scaled_times(p), draw(p)
    distances = quadratic_distances(grams, p, times)
    bounds = jax.vmap(
        lambda gram: quadratic_bound(gram, COV, p, times, RATE, D0),
    )(grams)
    # rounding of distances of order one
    assert (distances <= bounds + 1e-14).all()
    if p >= 100:  # and it is not far off, while they are under way
        highest = (
            np.quantile(each[:, :3], 0.95, axis=0) for each in (bounds, distances)
        )
        ratio = np.divide(*highest)
        assert np.median(ratio) < 4


@pytest.mark.parametrize("p", SIZES)
@pytest.mark.parametrize("estimate", ["gaussian", "markov"])
def test_bounds_a_priori_hold_as_often_as_they_say(p, estimate):
    times, grams = scaled_times(p), draw(p)
    distances = quadratic_distances(grams, p, times)
    bounds = quadratic_bound_apriori(COV, p, times, RATE, D0, FAILURE, estimate)
    held = (distances <= bounds + 1e-14).all(axis=1).mean()
    assert held >= 1 - FAILURE
    limits = {"gaussian": gaussian_spread, "markov": markov_spread}[estimate](
        COV, p, FAILURE
    )
    noise = grams - p * COV
    values, vectors = np.linalg.eigh(COV)
    whiten = vectors / np.sqrt(values) @ vectors.T
    assert np.mean(np.linalg.norm(noise, 2, (1, 2)) <= limits.noise) >= 1 - FAILURE
    whitened = np.linalg.norm(whiten @ noise, 2, (1, 2))
    assert np.mean(whitened <= limits.whitened) >= 1 - FAILURE
    assert np.mean(np.linalg.eigvalsh(grams)[:, 0] >= limits.least) >= 1 - FAILURE


@pytest.mark.parametrize("p", [10, pytest.param(1000, marks=pytest.mark.slow)])
def test_bounds_of_a_curved_loss_hold(p):
    times, grams = scaled_times(p), draw(p)[:200]
    limit = limit_flow(curved_grad, COV, ALPHA0, p * times, RATE)
    flow = jax.jit(
        jax.vmap(lambda g: gradient_flow(curved_grad, g, ALPHA0, times, RATE))
    )
    distances = np.linalg.norm(flow(grams) - limit, axis=-1)
    # the loss falls, so alpha stays where (mu/2) ||alpha||^2 <= L(alpha0)
    start = float(jnp.sum(jnp.log(jnp.cosh(ALPHA0))) + CONVEXITY / 2 * ALPHA0 @ ALPHA0)
    lipschitz = np.sqrt(3) + CONVEXITY * np.sqrt(2 * start / CONVEXITY)
    exact = jax.vmap(
        lambda g: strongly_convex_bound(g, COV, p, times, RATE, lipschitz, CONVEXITY)
    )(grams)
    assert (distances <= exact + 1e-9).all()
    for estimate in ("gaussian", "markov"):
        bounds = strongly_convex_bound_apriori(
            COV, p, times, RATE, lipschitz, CONVEXITY, FAILURE, estimate
        )
        assert (distances <= bounds + 1e-9).all(axis=1).mean() >= 1 - FAILURE
    theorem = theorem1_bound(COV, p, times, RATE, lipschitz, 1 + CONVEXITY, FAILURE)
    assert (distances <= theorem + 1e-9).all(axis=1).mean() >= 1 - FAILURE


def test_theorem1_is_its_formula():
    trace, square = np.trace(COV), (np.asarray(COV) ** 2).sum()
    norm = np.linalg.norm(COV, 2)
    p, t, lipschitz, smoothness = 20, 0.4, 1.5, 2.5
    expected = lipschitz * np.sqrt(trace**2 + square)
    expected /= smoothness * np.sqrt(p * FAILURE) * norm
    expected *= np.exp(RATE * p * t * smoothness * norm) - 1
    bound = theorem1_bound(COV, p, t, RATE, lipschitz, smoothness, FAILURE)
    assert bound == pytest.approx(expected, rel=1e-12)


DIAGONAL = np.array([3.0, 2.0, 0.5])


def test_gaussian_estimate_is_its_formula():
    with_x = np.sqrt(2 * np.log(2 / FAILURE))  # 2 exp(-x^2 / 2) = eps
    for p in (4, 400):
        u = (np.sqrt(3) + with_x) / np.sqrt(p)
        spread = gaussian_spread(jnp.diag(jnp.array(DIAGONAL)), p, FAILURE)
        assert spread.noise == pytest.approx(p * 3 * (2 * u + u**2))
        assert spread.whitened == pytest.approx(p * np.sqrt(3) * (2 * u + u**2))
        assert spread.least == pytest.approx(p * 0.5 * max(0, 1 - u) ** 2)


@pytest.mark.parametrize("rank", [3, 2])
def test_markov_estimate_is_from_the_second_moments(rank):
    """E ||N||_F^2 and E ||Sigma^{-1/2} N||_F^2 by Monte Carlo, within 4 s.e.m."""
    p, values = 7, np.where(np.arange(3) < rank, DIAGONAL, 0)
    cov = jnp.diag(jnp.array(values))
    keys = jax.random.split(jax.random.key(0), 20_000)
    noise = jax.vmap(lambda key: sample_gram(key, cov, p))(keys) - p * cov
    inverse = np.diag(np.where(values > 0, 1 / np.sqrt(np.maximum(values, 0.1)), 0))
    spread = markov_spread(cov, p, FAILURE)
    for matrices, bound in ((noise, spread.noise), (inverse @ noise, spread.whitened)):
        squares = np.sum(np.asarray(matrices) ** 2, axis=(1, 2))
        sem = squares.std() / np.sqrt(len(squares))
        assert abs(squares.mean() - FAILURE * bound**2) < 4 * sem
    assert spread.least == max(0, p * values[-1] - spread.noise)


def test_strongly_convex_bound_is_its_formula():
    cov = jnp.diag(jnp.array(DIAGONAL))
    gram = 6 * cov + jnp.diag(jnp.array([0.6, -0.8, 0.1]))
    p, t, lipschitz, convexity = 6, 2.0, 1.7, 0.4
    whitened = 0.8 / np.sqrt(2)  # the largest of 0.6/sqrt(3), 0.8/sqrt(2), 0.1/sqrt(.5)
    rate = p * convexity * 0.5
    expected = np.sqrt(3) * whitened * lipschitz * (1 - np.exp(-0.1 * rate * t)) / rate
    bound = strongly_convex_bound(gram, cov, p, t, 0.1, lipschitz, convexity)
    assert bound == pytest.approx(expected, rel=1e-12)


def test_quadratic_bound_is_its_formula():
    cov = jnp.diag(jnp.array(DIAGONAL))
    gram = 6 * cov + jnp.diag(jnp.array([0.6, -0.8, 0.4]))
    decay = np.exp(-0.2 * 3.4 * 2.0) - np.exp(-0.2 * 3.0 * 2.0)
    bound = quadratic_bound(gram, cov, 6, 2.0, 0.1, 1.5)
    assert bound == pytest.approx(0.8 * 1.5 * decay / (3.0 - 3.4), rel=1e-12)


@pytest.mark.parametrize("p", [1, 2])
def test_bounds_hold_for_fewer_parameters_than_directions(p):
    grams = draw(p)[:200]
    times = jnp.array([1e-2, 1.0, 1e3, 1e19])  # what G does not reach stays for ever
    distances = quadratic_distances(grams, p, times)
    bounds = jax.vmap(lambda g: quadratic_bound(g, COV, p, times, RATE, D0))(grams)
    assert (distances <= bounds * (1 + 1e-9) + 1e-12).all()
    assert (distances[:, -1] > 0.1).any()


def test_losses_differ_by_no_more_than_their_bound():
    p, times = 50, scaled_times(50)
    grams = draw(p)[:200]

    def loss(alpha):
        return jnp.sum((alpha - STAR) ** 2, axis=-1)

    flows = jax.vmap(lambda g: quadratic_flow(g, ALPHA0, STAR, times, RATE))(grams)
    limit = quadratic_flow(COV, ALPHA0, STAR, p * times, RATE)
    distance = jax.vmap(lambda g: quadratic_bound(g, COV, p, times, RATE, D0))(grams)
    # the loss falls, so that ||grad L|| <= 2 d0 on the way
    bound = loss_bound(distance, 2 * D0)
    assert (jnp.abs(loss(flows) - loss(limit)) <= bound + 1e-12).all()
    assert loss_bound(jnp.inf, 0.0) == 0


def test_overflow_is_infinite_and_never_nan():
    times = jnp.array([0.0, 1e-300, 1.0, 1e300])
    bound = theorem1_bound(COV, 10, times, RATE, 1.0, 1.0, FAILURE)
    assert bound[0] == 0 and bound[-1] == np.inf and not np.isnan(bound).any()
    assert theorem1_bound(COV, 10, 1e300, RATE, 0.0, 1.0, FAILURE) == 0
    for gram in (10 * COV, 9 * COV, jnp.zeros((3, 3))):
        exact = quadratic_bound(gram, COV, 10, times, RATE, D0)
        convex = strongly_convex_bound(gram, COV, 10, times, RATE, 1.0, 1.0)
        assert np.isfinite(exact).all() and np.isfinite(convex).all()


def test_quadratic_bound_at_its_limit():
    """G's least eigenvalue meets p lam: the formula is 0/0, the bound is continuous."""
    cov = jnp.diag(jnp.array([1.0, 2.0]))
    times = jnp.array([0.5, 2.0])
    meet = quadratic_bound(jnp.diag(jnp.array([10.0, 25.0])), cov, 10, times, 0.1, 1.0)
    near = quadratic_bound(
        jnp.diag(jnp.array([10.0 + 1e-7, 25.0])), cov, 10, times, 0.1, 1.0
    )
    expected = 2 * 0.1 * times * 5 * jnp.exp(-2 * 0.1 * 10 * times)
    np.testing.assert_allclose(meet, expected, rtol=1e-12)
    np.testing.assert_allclose(near, meet, rtol=1e-6)


def test_bounds_fall_as_the_root_of_p():
    def gaussian(p):
        return quadratic_bound_apriori(COV, p, 1 / p, RATE, D0, FAILURE)

    assert gaussian(1e8) / gaussian(1e10) == pytest.approx(10, rel=1e-3)


def test_a_singular_covariance_has_finite_bounds_that_hold():
    cov = jnp.diag(jnp.array([2.0, 1.0, 0.0]))
    gram = sample_gram(jax.random.key(0), cov, 30)
    start, times = jnp.array([1.0, 1.0, 0.0]), jnp.array([0.1, 10.0])
    flow = quadratic_flow(gram, start, jnp.zeros(3), times, 0.01)
    limit = quadratic_flow(cov, start, jnp.zeros(3), 30 * times, 0.01)
    distance = np.linalg.norm(flow - limit, axis=-1)
    # grad L = 2 alpha, at most 2 sqrt(2) as the loss falls; 2-strongly convex
    convex = strongly_convex_bound(gram, cov, 30, times, 0.01, 2 * np.sqrt(2), 2.0)
    exact = quadratic_bound(gram, cov, 30, times, 0.01, np.sqrt(2))
    assert np.isfinite(convex).all() and (distance <= convex).all()
    assert np.isfinite(exact).all() and (distance <= exact).all()


def test_loss_bound():
    np.testing.assert_allclose(loss_bound(jnp.array([1.0, jnp.inf]), 2.0), [2, np.inf])


ARGUMENTS = {
    "cov": jnp.eye(2),
    "p": 10,
    "t": 1.0,
    "learning_rate": 0.1,
    "lipschitz": 1.0,
    "smoothness": 1.0,
    "failure_probability": 0.1,
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cov", jnp.array([[1.0, 2.0], [0.0, 1.0]])),
        ("cov", -jnp.eye(2)),
        ("p", 0),
        ("t", -1.0),
        ("learning_rate", 0.0),
        ("lipschitz", -1.0),
        ("smoothness", 0.0),
        ("failure_probability", 0.0),
        ("failure_probability", 1.0),
    ],
)
def test_what_cannot_be_is_named(unchecked, name, value):
    with pytest.raises(ValueError, match=name):
        theorem1_bound(**{**ARGUMENTS, name: value})


def test_shapes_and_estimates_are_checked(unchecked):
    with pytest.raises(ValueError, match="gram must have shape"):
        quadratic_bound(jnp.eye(3), jnp.eye(2), 10, 1.0, 0.1, 1.0)
    with pytest.raises(ValueError, match="gram must have shape"):
        strongly_convex_bound(jnp.eye(3), jnp.eye(2), 10, 1.0, 0.1, 1.0, 1.0)
    with pytest.raises(ValueError, match="unknown estimate 'chebyshev'"):
        quadratic_bound_apriori(jnp.eye(2), 10, 1.0, 0.1, 1.0, 0.1, "chebyshev")
