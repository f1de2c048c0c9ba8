"""Losses of random-feature students against explicit inverses, sampling, sklearn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge

from scaletime_jax.errors import InputError
from scaletime_jax.theory.nested_fits import squares_left
from scaletime_jax.theory.random_features import (
    label_losses_over_data,
    losses_over_data,
    losses_over_features,
    random_features,
    teacher_student_loss,
)
from scaletime_jax.theory.student_losses import student_losses

N, S = 150, 30
# Both sides of D = P, both at once, and both ends.
CELLS = [(5, 12), (12, 12), (25, 8), (1, 30), (60, 30), (7, 1)]


@pytest.fixture(scope="module")
def population():
    rng = np.random.default_rng(0)
    scales = np.arange(1, S + 1) ** -0.7
    return rng.normal(size=(N, S)) * scales @ rng.normal(size=(S, S))


def draw(cell, seed=1):
    """Returns which points are drawn, and Pi."""
    rng = np.random.default_rng(seed)
    return rng.permutation(N)[: cell[0]], rng.normal(size=(cell[1], S))


def explicit_loss(points, projection, covariance, ridge=0.0):
    """Tr[M^T C M] / 2S by the inverse of A^T A, or of A A^T where that is singular."""
    a = points @ projection.T
    if len(a) >= a.shape[1]:
        inverse = np.linalg.inv(a.T @ a + ridge * np.eye(a.shape[1])) @ a.T
    else:
        inverse = a.T @ np.linalg.inv(a @ a.T + ridge * np.eye(len(a)))
    m = np.eye(S) - projection.T @ inverse @ points
    return np.trace(m.T @ covariance @ m) / (2 * S)


@pytest.mark.parametrize("ridge", [0.0, 0.3])
@pytest.mark.parametrize("cell", CELLS)
def test_loss_is_that_of_explicit_inverses(population, cell, ridge):
    order, projection = draw(cell)
    covariance = population.T @ population / N
    expected = explicit_loss(population[order], projection, covariance, ridge)
    given = population[order], projection
    for known in ({"population_features": population}, {"covariance": covariance}):
        loss = teacher_student_loss(*given, **known, ridge=ridge)
        # inverses square the condition number; nothing is left at D >= P = S
        assert loss == pytest.approx(expected, rel=1e-8, abs=1e-9)


def test_diagonal_covariance_is_a_matrix_with_that_diagonal():
    _, projection = draw((9, 12))
    variances = np.arange(1, S + 1) ** -1.5
    points = np.random.default_rng(2).normal(size=(9, S)) * np.sqrt(variances)
    flat = teacher_student_loss(points, projection, covariance=variances)
    full = teacher_student_loss(points, projection, covariance=np.diag(variances))
    assert flat == pytest.approx(float(full), rel=1e-12)


def test_picked_features_are_rows_of_the_identity(population):
    order, _ = draw((9, 12))
    picks = np.random.default_rng(3).permutation(S)[:12]
    known = {"population_features": population}
    one = teacher_student_loss(population[order], picks.astype(np.int32), **known)
    other = teacher_student_loss(population[order], np.eye(S)[picks], **known)
    assert one == pytest.approx(float(other), rel=1e-12)
    one = losses_over_features(picks, **known)
    other = losses_over_features(np.eye(S)[picks], **known)
    np.testing.assert_allclose(one, other, rtol=1e-12)


def test_loss_is_the_mean_over_teachers(population):
    order, projection = draw((8, 15))
    rng, losses = np.random.default_rng(4), []
    for _ in range(2000):
        teacher = rng.normal(size=S) / np.sqrt(S)
        seen = population[order] @ projection.T
        learned = np.linalg.lstsq(seen, population[order] @ teacher, rcond=None)[0]
        rest = population @ (projection.T @ learned - teacher)
        losses.append(np.mean(rest**2) / 2)
    loss = teacher_student_loss(
        population[order], projection, population_features=population
    )
    sem = np.std(losses) / np.sqrt(len(losses))
    assert abs(float(loss) - np.mean(losses)) < 4 * sem < 0.2 * loss


@pytest.mark.parametrize("ridge", [0.0, 0.2])
def test_losses_over_data_are_those_of_all_features(population, ridge):
    order, _ = draw((20, 1))
    points, covariance = population[order], population.T @ population / N
    losses = losses_over_data(points, population_features=population, ridge=ridge)
    for d in (1, 7, 20):
        expected = explicit_loss(points[:d], np.eye(S), covariance, ridge)
        assert losses[d - 1] == pytest.approx(expected, rel=1e-8)
    if not ridge:  # [B21, Eq. 5] word by word
        kernel = population @ population.T / S
        cross, inner = kernel[:, order], kernel[np.ix_(order, order)]
        solved = np.einsum("xa,ab,xb->x", cross, np.linalg.inv(inner), cross)
        rest = np.mean(np.diag(kernel) - solved) / 2
        assert losses[-1] == pytest.approx(rest, rel=1e-8)


@pytest.mark.parametrize("ridge", [0.0, 0.2])
def test_losses_over_features_are_those_of_all_data(population, ridge):
    _, projection = draw((1, 20))
    covariance = population.T @ population / N
    known = {"population_features": population}
    losses = losses_over_features(projection, **known, ridge=ridge)
    for p in (1, 7, 20):
        expected = explicit_loss(population, projection[:p], covariance, N * ridge)
        assert losses[p - 1] == pytest.approx(expected, rel=1e-8)
    if not ridge:  # [B21, Eq. 4] word by word
        seen = covariance @ projection.T
        inner = np.linalg.inv(projection @ seen)
        rest = np.trace(covariance - seen @ inner @ seen.T) / (2 * S)
        assert losses[-1] == pytest.approx(rest, rel=1e-8)


@pytest.mark.parametrize("ridge", [1e-9, 0.5])
def test_label_losses_are_scikit_learns(population, ridge):
    order, _ = draw((20, 1))
    labels = np.sin(population[:, :3]) + population[:, 3:6] ** 2
    known = population[order], labels[order], population, labels
    losses = label_losses_over_data(*known, ridge if ridge > 1e-6 else 0.0)
    for d in (1, 7, 20):
        model = KernelRidge(alpha=ridge, kernel="linear")
        model.fit(population[order[:d]], labels[order[:d]])
        expected = np.mean((model.predict(population) - labels) ** 2) / 2
        assert losses[d - 1] == pytest.approx(expected, rel=1e-6)


def test_vmap_is_a_loop(population):
    cells = [draw((6, 9), seed) for seed in range(3)]
    points = np.stack([population[order] for order, _ in cells])
    projections = np.stack([projection for _, projection in cells])
    known = {"population_features": population}

    def loss(points, projection):
        return teacher_student_loss(points, projection, **known)

    together = jax.jit(jax.vmap(loss))(points, projections)
    alone = [float(loss(*each)) for each in zip(points, projections, strict=True)]
    np.testing.assert_allclose(together, alone, rtol=1e-12)


def test_under_jit_what_is_singular_is_left_to_the_pseudo_inverse(population):
    points = population[[0, 1, 1]]
    known = {"population_features": population}
    loss = jax.jit(lambda x: teacher_student_loss(x, np.eye(S), **known))(points)
    once = teacher_student_loss(points[:2], np.eye(S), **known)
    assert loss == pytest.approx(float(once), rel=1e-9)


def test_single_precision_stays(population):
    small = jnp.asarray(population, jnp.float32)
    known = {"population_features": small}
    assert losses_over_data(small[:5], **known).dtype == jnp.float32
    assert losses_over_features(jnp.arange(4), **known).dtype == jnp.float32


@pytest.mark.slow
def test_single_precision_costs_little_of_the_whole(population):
    points, projection = population[:25], draw((1, 25))[1]

    def losses(dtype):
        known = {"population_features": jnp.asarray(population, dtype)}
        given = jnp.asarray(points, dtype), jnp.asarray(projection, dtype)
        return np.concatenate(
            [
                losses_over_data(given[0], **known),
                losses_over_features(given[1], **known),
                student_losses(given[0][:10], given[1], [2, 5, 20], **known),
            ]
        )

    whole = (population**2).sum() / (2 * N * S)
    single, double = losses(jnp.float32), losses(float)
    np.testing.assert_allclose(single / whole, double / whole, atol=3e-7)


def test_sums_of_single_precision_vectors_are_not_rounded():
    """The remainder is 1e-6 of |R|^2, which single-precision sums would lose."""
    rng = np.random.default_rng(4)
    left, right = (rng.normal(size=(50, 8)).astype(np.float32) for _ in range(2))
    rest = 1e-3 * rng.normal(size=(50, 50))
    whole = left.astype(float) @ right.T.astype(float) + rest
    cross = np.sum(left * (whole @ right), axis=0)
    expected = np.sum((whole - left @ right.T.astype(float)) ** 2)
    given = map(jnp.array, (np.sum(whole**2), left, right, cross))
    found = squares_left(*given)
    assert float(found[-1]) == pytest.approx(expected, rel=1e-5)
    assert found.dtype == jnp.float32


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"projection": np.ones((S + 1, S))}, f"P = {S + 1} rows"),
        ({"projection": np.array([0, S])}, "not among 0..29"),
        ({"projection": np.ones((3, S - 1))}, "projection must have shape"),
        ({"train_features": np.ones((0, S))}, "at least one row"),
        ({"train_features": np.ones((4, S - 1))}, "train_features have 29 columns"),
        ({"train_features": np.full((4, S), np.nan)}, "train_features must be finite"),
        ({"train_features": np.ones((4, S))}, "singular"),
        ({"covariance": np.eye(S)}, "give either population_features or"),
        ({"population_features": None}, "give either population_features or"),
        ({"ridge": -1.0}, "ridge must be 0 or more"),
        ({"ridge": np.ones(4)}, "ridge must have shape"),
    ],
)
def test_mistakes_are_one_sentence(unchecked, population, change, words):
    order, projection = draw((4, 6))
    given = {"train_features": population[order], "projection": projection}
    given |= {"population_features": population, **change}
    with pytest.raises(InputError, match=words):
        teacher_student_loss(**given)


def test_dependent_points_and_features_are_named(population):
    known = {"population_features": population}
    with pytest.raises(InputError, match="train_features are singular"):
        losses_over_data(population[[0, 1, 1]], **known)
    with pytest.raises(InputError, match="31 vectors in 30 dimensions"):
        losses_over_data(population[: S + 1], **known)
    with pytest.raises(InputError, match="student's features are singular"):
        losses_over_features(np.ones((2, S)), **known)
    fine = losses_over_data(population[[0, 1, 1]], **known, ridge=0.1)
    assert np.all(np.isfinite(fine))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"depth": 0}, "depth must be 1"),
        ({"num_features": 0}, "num_features must be 1"),
        ({"width": 0}, "width must be 1"),
        ({"activation": "tanh"}, "not one of relu, erf"),
        ({"weight_variance": 0.0}, "weight_variance must be above 0"),
        ({"bias_variance": -1.0}, "bias_variance must be 0"),
    ],
)
def test_networks_that_cannot_be_are_refused(unchecked, arguments, words):
    with pytest.raises(InputError, match=words):
        random_features(
            jax.random.key(0), jnp.ones((2, 3)), **{"num_features": 4, **arguments}
        )


def test_features_of_a_network_by_hand():
    inputs = jnp.array([[1.0, -2.0, 0.5]])
    made = random_features(jax.random.key(5), inputs, 4, depth=2, width=3)
    hidden = np.asarray(inputs)
    for layer, fan_out in enumerate((3, 4)):
        key, _ = jax.random.split(jax.random.fold_in(jax.random.key(5), layer))
        weights = jax.random.normal(key, (3, fan_out), inputs.dtype)
        hidden = np.maximum(hidden @ np.asarray(weights) * np.sqrt(2 / 3), 0)
    np.testing.assert_allclose(made, hidden, rtol=1e-6)
