"""The mean loss of a student with finitely many features and points."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scaletime_jax.arguments import (
    Scalar,
    Values,
    as_float,
    require,
    require_least,
    require_positive,
    require_shape,
)
from scaletime_jax.theory.kernel_theory import as_target_moments

BISECTIONS = 80
LOG_SPAN = 120.0  # range of the search for gamma below its upper bound, in e-folds


def student_curve(
    eigenvalues: Values,
    target_moments: Values,
    train_sizes: Values,
    num_params: Values,
    ridge: Scalar = 0.0,
    noise: Scalar = 0.0,
) -> Float[Array, "..."]:
    """Returns L(D, P) for Gaussian features and Pi with iid standard normal entries.

    With z = sum_i lambda_i / (lambda_i + gamma) and q = sum_i lambda_i^2 / (lambda_i +
    gamma)^2, gamma solves gamma (D - z) (P - z) = ridge with z <= min(D, P), and
    [Simon et al. 2024, here with the ridge of an unnormalised sum of squares]

        L = (1/2) (sum_i gamma lambda_i w_i^2 / (lambda_i + gamma)
                   (1 - (P - z) / (P - q) lambda_i / (lambda_i + gamma)) + noise)
            / (1 - (q (P - 2 z) + z^2) / (D (P - q))).

    For teachers L does not change when D and P are exchanged. For P to infinity, with
    constant ridge / P, L is `kernel_theory.learning_curve`. Without a ridge L diverges
    at D = P.

    Args:
        eigenvalues: [S] lambda_i of C, >= 0.
        target_moments: [S] or one for all, w_i^2, 1/S for teachers.
        train_sizes: [...] D > 0.
        num_params: [...] P > 0, of the shape of D, or one number.
        ridge: r >= 0 in sum_a (f(x_a) - y_a)^2 + r |theta|^2.
        noise: variance of the labels outside the features, which is part of the loss.

    Raises:
        InputError: an argument is out of range, or all eigenvalues are 0.
    """
    require_least("eigenvalues", eigenvalues, 0)
    require_positive("train_sizes", train_sizes)
    require_positive("num_params", num_params)
    require_shape("ridge", ridge, ())
    require_least("ridge", ridge, 0)
    require_least("noise", noise, 0)
    values = as_float(eigenvalues)
    require(values.ndim == 1, "eigenvalues must be a vector.")
    moments = as_target_moments(target_moments, values)
    require(jnp.sum(values) > 0, "eigenvalues must not all be 0.")
    points, students = jnp.broadcast_arrays(as_float(train_sizes), as_float(num_params))
    gamma = _solve(values, points, students, ridge)[..., None]
    seen = values / jnp.where(values + gamma > 0, values + gamma, 1)
    z, q = jnp.sum(seen, axis=-1), jnp.sum(seen**2, axis=-1)
    back = ((students - z) / (students - q))[..., None]
    missed = gamma * seen * moments * (1 - back * seen)
    spread = (q * (students - 2 * z) + z**2) / (points * (students - q))
    loss = (jnp.sum(missed, axis=-1) + noise) / (2 * (1 - spread))
    return jnp.where((points == students) & (jnp.asarray(ridge) == 0), jnp.inf, loss)


def _solve(values, points, students, ridge):
    """Returns gamma [...], by bisection on its logarithm."""
    least = jnp.minimum(points, students)
    # z <= Tr C / gamma and z < min(D, P) bound gamma from above
    top = jnp.log((jnp.sum(values) + jnp.sqrt(ridge)) / least + ridge / least**2) + 1

    def halve(_, bounds):
        low, high = bounds
        middle = (low + high) / 2
        gamma = jnp.exp(middle)
        z = jnp.sum(values / (values + gamma[..., None]), axis=-1)
        too_small = (z > least) | (gamma * (points - z) * (students - z) < ridge)
        return jnp.where(too_small, middle, low), jnp.where(too_small, high, middle)

    bounds = jax.lax.fori_loop(0, BISECTIONS, halve, (top - LOG_SPAN, top))
    return jnp.exp((bounds[0] + bounds[1]) / 2)
