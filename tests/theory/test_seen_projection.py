"""Projections drawn where they are looked at are Gaussian projections."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scaletime_jax.theory.random_features import squares_of, teacher_student_loss
from scaletime_jax.theory.second_moment import moment_root
from scaletime_jax.theory.seen_projection import SeenProjection, draw_projection

N, S, D, P = 60, 40, 3, 30
SIZES = [9, 15, 30]


@pytest.fixture
def population():
    rng = np.random.default_rng(0)
    return jnp.array(rng.normal(size=(N, S)) * np.arange(1, S + 1) ** -0.7)


def test_losses_are_those_of_a_projection_with_these_numbers(population, monkeypatch):
    """A whole Pi is built that agrees with all numbers that were drawn."""
    drawn = draw_projection(jax.random.key(1), population[:D], P)
    look, looked = SeenProjection.apply_transposed, {}

    def record(self, vectors):
        looked["at"], looked["seen"] = vectors, look(self, vectors)
        return looked["seen"]

    monkeypatch.setattr(SeenProjection, "apply_transposed", record)
    root = moment_root(population, None)
    squares = squares_of(population[:D], drawn, SIZES, root, 0.0)
    # Pi = G Q^T + U (rest)^T with U orthonormal columns that span L
    columns, triangle = np.linalg.qr(np.asarray(looked["at"]))
    inside = drawn.basis @ (drawn.seen.T @ looked["at"])
    rest = np.linalg.lstsq(triangle.T, np.asarray(looked["seen"] - inside).T)[0]
    whole = np.asarray(drawn.seen @ drawn.basis.T) + columns @ rest
    np.testing.assert_allclose(whole @ drawn.basis, drawn.seen, atol=1e-9)
    for size, square in zip(SIZES, squares, strict=True):
        known = {"population_features": population}
        loss = teacher_student_loss(population[:D], whole[:size], **known)
        assert float(square) / (2 * S) == pytest.approx(float(loss), rel=1e-8)


def test_what_is_seen_has_the_moments_of_gaussian_entries(population):
    """Pi^T L for a fixed L, and its correlation with G."""
    rng = np.random.default_rng(1)
    vectors, along = jnp.array(rng.normal(size=(P, 2))), jnp.array(rng.normal(size=S))

    def look(key):
        drawn = draw_projection(key, population[:D], P)
        return along @ drawn.apply_transposed(vectors), drawn.seen[0, 0]

    seen, first = jax.vmap(look)(jax.random.split(jax.random.key(2), 20_000))
    expected = jnp.sum(along**2) * vectors.T @ vectors
    np.testing.assert_allclose(
        seen.T @ seen / 20_000, expected, rtol=0.05, atol=0.05 * expected.max()
    )
    basis = jnp.linalg.qr(population[:D].T)[0]
    cross = (along @ basis[:, 0]) * vectors[0]  # E[G_00 v^T Pi^T L]
    scale = float(jnp.sqrt(jnp.diagonal(expected)).max())
    np.testing.assert_allclose(
        first @ seen / 20_000, cross, atol=4 * scale / 20_000**0.5
    )


def test_losses_fall_as_with_a_whole_projection(population):
    keys = jax.random.split(jax.random.key(3), 2000)
    root = moment_root(population, None)
    points = population[:D]

    def with_seen(key):
        drawn = draw_projection(key, points, P)
        return squares_of(points, drawn, SIZES, root, 0.0) / (2 * S)

    def with_whole(key):
        whole = jax.random.normal(key, (P, S))
        known = {"population_features": population}
        return jnp.stack(
            [teacher_student_loss(points, whole[:size], **known) for size in SIZES]
        )

    losses = [
        np.asarray(jax.jit(lambda keys, f=f: jax.lax.map(f, keys))(keys))
        for f in (with_seen, with_whole)
    ]
    gap = losses[0].mean(axis=0) - losses[1].mean(axis=0)
    sem = np.sqrt(sum(each.var(axis=0) for each in losses) / len(keys))
    assert np.all(np.abs(gap) < 4 * sem) and np.all(
        4 * sem < 0.05 * losses[1].mean(axis=0)
    )
