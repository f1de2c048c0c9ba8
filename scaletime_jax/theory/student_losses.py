"""The loss of a student at many numbers of features, or of points."""

import operator
from collections.abc import Sequence

import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, ArrayLike, Float, Real

from scaletime_jax.arguments import require
from scaletime_jax.theory.nested_fits import orthogonalise, squares_left
from scaletime_jax.theory.random_features import squares_of
from scaletime_jax.theory.second_moment import as_points, as_projection, moment_root


def student_losses(
    train_features: Real[ArrayLike, "D S"],
    projection: Real[ArrayLike, "P ..."],
    sizes: Sequence[int],
    *,
    population_features: Real[ArrayLike, "N S"] | None = None,
    covariance: Real[ArrayLike, "S ..."] | None = None,
) -> Float[Array, "sizes"]:
    """Returns L(D, p) for the first p rows of Pi, at many p.

    For p <= D all losses come from one QR decomposition X Pi^T = Q T: (X Pi_p^T)^+ =
    T_p^{-1} Q_p^T has the leading blocks of T and Q, so that R Pi_p^T T_p^{-1} and
    Q_p^T X are the first columns and rows of the matrices at p = D. For p > D, where f
    = Pi F interpolates, each loss has a decomposition of its own, because running sums
    of Pi_p^T Pi_p X^T would square the condition number.

    For many d at one P, exchange data and features: X becomes (F Pi^T)^T, Pi becomes
    the picked points, and F becomes F^T.

    Args:
        train_features: as in `random_features.teacher_student_loss`.
        projection: as in `random_features.teacher_student_loss`.
        sizes: p, ascending, from 1 to P.
        population_features: as in `random_features.teacher_student_loss`.
        covariance: as in `random_features.teacher_student_loss`.

    Raises:
        InputError: as in `random_features.teacher_student_loss`; or sizes are out of
            order or range.
    """
    root = moment_root(population_features, covariance)
    features = as_points(train_features, root)
    students = as_projection(projection, root)
    sizes = [operator.index(size) for size in sizes]
    require(
        len(sizes) > 0 and sizes == sorted(set(sizes)),
        "sizes must ascend, and there must be at least one size.",
    )
    require(
        sizes[0] > 0 and sizes[-1] <= students.num_rows,
        f"sizes must be from 1 to P = {students.num_rows}.",
    )
    below = [p for p in sizes if p <= len(features)]
    above = [p for p in sizes if p > len(features)]
    losses = []
    if below:
        first = students.part(0, below[-1])
        losses = [_resolved_losses(features, first, root)[jnp.array(below) - 1]]
    if above:
        losses.append(squares_of(features, students, above, root, 0.0))
    return jnp.concatenate(losses) / (2 * root.size)


def _resolved_losses(features, students, root):
    """Returns 2S L(D, p), p = 1..P <= D."""
    basis, triangle = orthogonalise(
        "the student's features", students.apply(features.T).T, ridge=0
    )
    inverse = solve_triangular(
        triangle, jnp.eye(students.num_rows, dtype=triangle.dtype)
    )
    left = root.apply(students.apply_transposed(inverse))
    right = features.T @ basis
    cross = jnp.sum(root.apply_transposed(left) * right, axis=0, dtype=float)
    return squares_left(root.energy, left, right, cross)
