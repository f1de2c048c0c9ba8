import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import scipy.stats

from scaletime_jax.theory.random_subspace import (
    gradient_flow,
    limit_flow,
    parameter_flow,
    quadratic_flow,
    sample_gram,
    steps_to_loss,
)

RATE = 0.01
ONE, ONES, EYE, KEY = jnp.ones(1), jnp.ones(2), jnp.eye(2), jax.random.key(0)


def make_cov(rank=3, ambient=20, seed=0):
    k = np.random.default_rng(seed).normal(size=(rank, ambient))
    return jnp.asarray(k @ k.T)


def quartic_grad(alpha):
    """Of sum alpha^4 / 4 + ||alpha - 1||^2 / 2."""
    return alpha**3 + alpha - 1


def descend(gram, distance, rate, thresholds, most=100_000):
    """Iterates, and counts the steps to each threshold."""
    steps = np.full(len(thresholds), -1)
    for step in range(most):
        now = (steps < 0) & (distance @ distance <= thresholds)
        steps[now] = step
        if (steps >= 0).all():
            break
        distance = distance - 2 * rate * gram @ distance
    return steps


@pytest.mark.parametrize("p", [1, 2, 3, 7, 50])
def test_gram_has_the_moments_of_the_literal_product(p):
    cov, draws = make_cov(), 20_000
    keys = jax.random.split(jax.random.key(0), draws)
    grams = np.asarray(jax.vmap(lambda key: sample_gram(key, cov, p))(keys))
    # E[G] = p Sigma
    sem = grams.std(axis=0) / np.sqrt(draws)
    assert (np.abs(grams.mean(axis=0) - p * cov) < 4 * sem).all()
    # E ||G - p Sigma||_F^2 = p (tr(Sigma)^2 + ||Sigma||_F^2) [BF24, Eq. 25]
    second = ((grams - p * cov) ** 2).sum(axis=(1, 2))
    expected = p * (np.trace(cov) ** 2 + (cov**2).sum())
    assert abs(second.mean() - expected) < 4 * second.std() / np.sqrt(draws)


@pytest.mark.parametrize("p", [1, 2, 3])
def test_gram_is_distributed_as_the_literal_product(p):
    """Smallest nonzero and largest eigenvalue: two-sample Kolmogorov-Smirnov."""
    k, draws = np.random.default_rng(0).normal(size=(3, 20)), 4000
    r = np.random.default_rng(1).normal(size=(draws, 20, p))
    literal = np.linalg.eigvalsh(k @ r @ r.transpose(0, 2, 1) @ k.T)
    keys = jax.random.split(jax.random.key(3), draws)
    cov = jnp.asarray(k @ k.T)
    ours = jax.vmap(lambda key: jnp.linalg.eigvalsh(sample_gram(key, cov, p)))(keys)
    for place in (3 - p, 2):
        test = scipy.stats.ks_2samp(literal[:, place], np.asarray(ours)[:, place])
        assert test.pvalue > 0.001


def test_gram_of_few_parameters_has_their_rank():
    grams = [sample_gram(jax.random.key(1), make_cov(5), p) for p in (1, 2, 4, 5, 9)]
    ranks = [np.linalg.matrix_rank(gram) for gram in grams]
    assert ranks == [1, 2, 4, 5, 5]


def test_gram_of_a_trillion_parameters_is_almost_its_mean():
    cov = make_cov()
    gram = sample_gram(jax.random.key(0), cov, 10**12)
    # 1 / sqrt(p) = 1e-6
    np.testing.assert_allclose(gram / 1e12, cov, atol=1e-5 * np.abs(cov).max())
    assert not np.array_equal(gram / 1e12, cov)


def test_gram_takes_p_and_cov_by_vmap_and_jit():
    cov, sizes = make_cov(), jnp.array([1, 3, 100])
    keys = jax.random.split(jax.random.key(0), 3)
    many = jax.jit(jax.vmap(sample_gram, (0, None, 0)))(keys, cov, sizes)
    for key, size, gram in zip(keys, (1, 3, 100), many, strict=True):
        np.testing.assert_allclose(gram, sample_gram(key, cov, size), rtol=1e-10)


def test_gram_of_a_singular_covariance():
    cov = jnp.diag(jnp.array([2.0, 1.0, 0.0]))
    gram = sample_gram(jax.random.key(0), cov, 50)
    assert np.isfinite(gram).all()
    np.testing.assert_allclose(gram[2], 0, atol=1e-12)


def test_reduction_is_the_flow_of_all_parameters():
    rng = np.random.default_rng(0)
    k, r = (jnp.array(rng.normal(size=size)) for size in ((3, 20), (20, 8)))
    offset, theta0 = k @ rng.normal(size=20), jnp.array(rng.normal(size=8))
    times, b = jnp.array([0.0, 0.5, 2.0, 30.0]), k @ r
    theta = parameter_flow(quartic_grad, b, offset, theta0, times, RATE)
    alpha = gradient_flow(quartic_grad, b @ b.T, b @ theta0 + offset, times, RATE)
    assert np.linalg.norm(alpha[-1] - alpha[0]) > 0.1  # it moves
    # two solutions of relative tolerance 1e-10
    np.testing.assert_allclose(theta @ b.T + offset, alpha, rtol=1e-8, atol=1e-8)


def test_solver_closed_form_and_matrix_exponential_agree():
    gram, alpha0, star = make_cov(), jnp.array([1.0, -2.0, 0.5]), jnp.arange(3.0)
    times = jnp.array([0.0, 0.01, 0.3, 1.0])
    closed = quadratic_flow(gram, alpha0, star, times, RATE)
    solved = gradient_flow(lambda a: 2 * (a - star), gram, alpha0, times, RATE)
    np.testing.assert_allclose(solved, closed, rtol=1e-8, atol=1e-9)
    for t, alpha in zip(times, closed, strict=True):
        decay = scipy.linalg.expm(-2 * RATE * gram * float(t))
        np.testing.assert_allclose(alpha, star + decay @ (alpha0 - star), rtol=1e-10)


def test_limit_flow_is_the_flow_of_its_mean_gram():
    cov, alpha0, times = make_cov(), jnp.array([0.3, -0.1, 0.2]), jnp.array([0.1, 2.0])
    p = 40
    scaled = gradient_flow(quartic_grad, p * cov, alpha0, times, RATE)
    limit = limit_flow(quartic_grad, cov, alpha0, p * times, RATE)
    np.testing.assert_allclose(scaled, limit, rtol=1e-8)


def test_flow_may_start_with_several_zeros_and_be_batched():
    gram, alpha0 = make_cov(), jnp.ones((4, 3))
    times = jnp.array([0.0, 0.0, 1.0, 1.0])
    flow = jax.jit(
        jax.vmap(lambda a: gradient_flow(quartic_grad, gram, a, times, RATE))
    )
    paths = flow(alpha0)
    np.testing.assert_array_equal(paths[:, :2], jnp.ones((4, 2, 3)))
    np.testing.assert_allclose(paths[:, 2], paths[:, 3], rtol=1e-12)


def test_quadratic_flow_forgets_nothing_and_ends_where_gram_reaches():
    alpha0, star = jnp.array([1.0, 2.0, 3.0]), jnp.zeros(3)
    b = jnp.array(np.random.default_rng(0).normal(size=(3, 2)))
    ends = quadratic_flow(b @ b.T, alpha0, star, jnp.array([0.0, 1e9]), RATE)
    np.testing.assert_allclose(ends[0], alpha0, rtol=1e-12)
    # capacity limit: what is orthogonal to G's range stays
    u, _, _ = np.linalg.svd(b)
    np.testing.assert_allclose(ends[1], u[:, 2] * (u[:, 2] @ alpha0), atol=1e-10)


@pytest.mark.parametrize("seed", range(5))
def test_steps_to_loss_are_those_of_descent(seed):
    rng = np.random.default_rng(seed)
    gram, alpha0, star = make_cov(seed=seed), *jnp.array(rng.normal(size=(2, 3)))
    thresholds = jnp.array([1e9, 1.0, 1e-3, 1e-12])
    for rate in (1e-3, 0.9 / float(jnp.linalg.eigvalsh(gram)[-1])):
        ours = steps_to_loss(gram, alpha0, star, rate, thresholds)
        literal = descend(gram, alpha0 - star, rate, thresholds)
        np.testing.assert_array_equal(ours, literal)
        assert literal[0] == 0 and literal[-1] > 1


def test_steps_that_overshoot_are_counted_too():
    gram, rate = jnp.diag(jnp.array([1.0, 3.0])), 0.3  # factors 0.4 and -0.8
    start, thresholds = jnp.ones(2), jnp.array([0.5, 1e-6])
    ours = steps_to_loss(gram, start, jnp.zeros(2), rate, thresholds)
    np.testing.assert_array_equal(ours, descend(gram, start, rate, thresholds))


def test_a_step_that_ends_it_is_one_step():
    one = steps_to_loss(EYE, ONES, jnp.zeros(2), 0.5, jnp.array([3.0, 1e-30]))
    np.testing.assert_array_equal(one, [0, 1])


def test_steps_are_minus_one_where_descent_diverges_or_never_gets_there():
    gram, thresholds = jnp.diag(jnp.array([1.0, 2.0])), jnp.array([1.5, 0.5])
    diverging = steps_to_loss(gram, ONES, jnp.zeros(2), 0.51, thresholds)
    np.testing.assert_array_equal(diverging, [-1, -1])
    flat = jnp.diag(jnp.array([1.0, 0.0]))
    capped = steps_to_loss(flat, ONES, jnp.zeros(2), 0.1, thresholds)
    assert capped[0] > 0 and capped[1] == -1  # a floor of 1


def test_what_gram_does_not_reach_is_never_learned_whatever_the_rounding():
    signs = set()
    for seed in range(10):  # the zero eigenvalue is not zero in floating point
        b = jnp.array(np.random.default_rng(seed).normal(size=(3, 2)))
        gram, zero = b @ b.T, jnp.zeros(3)
        [stuck] = steps_to_loss(gram, jnp.ones(3), zero, 0.01, jnp.array([1e-9]))
        assert stuck == -1
        signs.add(float(jnp.sign(jnp.linalg.eigvalsh(gram)[0])))
    assert signs >= {-1.0, 1.0}


def test_many_steps_do_not_lose_small_rates():
    gram, rate, threshold = jnp.array([[1.0]]), 1e-15, jnp.array([np.e**-2])
    [steps] = steps_to_loss(gram, ONE, jnp.zeros(1), rate, threshold)
    # (1 - 2e-15)^{2k} = e^{-2}
    assert steps == pytest.approx(1 / (2 * rate), rel=1e-9)


GRAD = quartic_grad
BAD = [
    (lambda: sample_gram(KEY, jnp.array([[1.0, 2.0], [0.0, 1.0]]), 3), "cov"),
    (lambda: sample_gram(KEY, jnp.diag(jnp.array([1.0, -1.0])), 3), "cov"),
    (lambda: sample_gram(KEY, jnp.ones((2, 3)), 3), "cov"),
    (lambda: sample_gram(KEY, jnp.full((2, 2), jnp.nan), 3), "cov"),
    (lambda: sample_gram(KEY, EYE, 0), "p must be 1"),
    (lambda: sample_gram(KEY, EYE, 2.5), "p must be a whole"),
    (lambda: gradient_flow(GRAD, EYE, jnp.ones(3), ONE, 1.0), "gram"),
    (lambda: gradient_flow(GRAD, EYE, ONES, -ONE, 1.0), "times must be 0"),
    (lambda: gradient_flow(GRAD, EYE, ONES, -jnp.arange(2.0), 1.0), "times"),
    (lambda: gradient_flow(GRAD, EYE, ONES, 2 - jnp.arange(2.0), 1.0), "increasing"),
    (lambda: limit_flow(GRAD, EYE, ONES, -ONE, 1.0), "progress"),
    (lambda: limit_flow(GRAD, -EYE, ONES, ONE, 1.0), "cov"),
    (lambda: parameter_flow(GRAD, EYE, ONES, jnp.ones(3), ONE, 1.0), "theta0"),
    (lambda: quadratic_flow(EYE, ONES, ONE, ONE, 1.0), "alpha_star"),
    (lambda: quadratic_flow(EYE, ONES, ONES, -ONE, 1.0), "times"),
    (lambda: quadratic_flow(EYE, ONES, ONES, ONE, 0.0), "learning_rate"),
    (lambda: quadratic_flow(EYE, ONES, ONES, jnp.inf * ONE, 1.0), "finite"),
    (lambda: sample_gram(KEY, EYE, jnp.inf), "finite"),
    (lambda: steps_to_loss(EYE, ONES, ONES, 1.0, jnp.zeros(1)), "thresholds"),
]


@pytest.mark.parametrize(("call", "name"), BAD)
def test_what_cannot_be_is_named(unchecked, call, name):
    with pytest.raises(ValueError, match=name):
        call()
