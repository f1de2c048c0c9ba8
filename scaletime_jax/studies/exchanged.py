"""The exact half of the duality: data and features exchanged as matrices."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scaletime_jax.theory.kernel_theory import exchange
from scaletime_jax.theory.random_features import teacher_student_loss


def exchange_error(features: Float[Array, "N S"], seed: int) -> float:
    """Returns the largest relative error of L(D, P) = L(P, D) for the dual problem.

    The equation is exact up to rounding for all features and uses no theory.
    """
    key = jax.random.fold_in(jax.random.key(5), seed)
    part, errors = features[:300], []
    for number, (points, students) in enumerate(((20, 40), (60, 30))):
        keys = jax.random.split(jax.random.fold_in(key, number))
        order = jax.random.permutation(keys[0], len(part))[:points]
        sample = jnp.eye(len(part), dtype=part.dtype)[order]
        projection = jax.random.normal(keys[1], (students, part.shape[1]), part.dtype)
        one, other = (
            teacher_student_loss(a @ f, pi, population_features=f)
            for a, pi, f in (
                (sample, projection, part),
                exchange(sample, projection, part),
            )
        )
        errors.append(float(jnp.abs(other / one - 1)))
    return max(errors)
