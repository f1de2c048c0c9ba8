"""Linear students of random features: the exact loss over data and features.

A teacher y = w^T F(x) has S features with weights w ~ N(0, I / S). A student has P
combinations of the features, f = Pi F, and learns by least squares on D points, from
zero to convergence. X is the D x S features of these points, and C = E[F F^T]. Then
[B21, Eq. 2-5, S3-S5]

    L(D, P) = (1 / 2S) Tr[M^T C M],   M = I - Pi^T (X Pi^T)^+ X,

is the mean over teachers, for D above or below P. With a ridge r > 0 in the student's
squared error, sum_a (f(x_a) - y_a)^2 + r |theta|^2, A^+ is replaced by
(A^T A + r)^{-1} A^T.

For any root R of C = R^T R the loss is |R - R Pi^T (X Pi^T)^+ X|^2 / 2S. For R = F /
sqrt(N), with F the features of a population, points are rows of F and picked features
are columns of F. Transposing F then exchanges data and features, which is the duality
of [B21, Sec. 2.4].

Losses are differences of terms of size Tr C / 2S, which are summed in JAX's default
precision. Single-precision features with `jax_enable_x64` take half the time and half
the memory of float64, with errors of a few 1e-8 Tr C / 2S; use float64 features for
losses far below Tr C / 2S.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, ArrayLike, Float, Key, Real

from scaletime_jax.arguments import (
    Scalar,
    as_matrix,
    require,
    require_least,
    require_positive,
    require_shape,
)
from scaletime_jax.errors import InputError
from scaletime_jax.theory.nested_fits import (
    check_ridge,
    gram,
    orthogonalise,
    squares_left,
)
from scaletime_jax.theory.second_moment import (
    Projection,
    Root,
    as_points,
    as_projection,
    moment_root,
)
from scaletime_jax.theory.seen_projection import SeenProjection

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": jax.nn.relu,
    "erf": jax.scipy.special.erf,
}


def random_features(
    key: Key[Array, ""],
    inputs: Real[ArrayLike, "n d"],
    num_features: int,
    depth: int = 3,
    activation: str = "relu",
    width: int | None = None,
    weight_variance: Scalar = 2.0,
    bias_variance: Scalar = 0.0,
) -> Float[Array, "n num_features"]:
    """Returns the outputs of the last hidden layer of a random network.

    h_l = phi(W_l h_{l-1} + b_l), where entries of W_l and b_l are iid normal with
    variances weight_variance / fan-in and bias_variance [B21, Sec. 2.3.1]. As all
    widths grow, F F^T / S becomes (nngp - bias_variance) / weight_variance of
    `infinite_width.infinite_width_kernels`.

    Args:
        key: a typed key, used once.
        inputs: [n, d].
        num_features: S, the width of the last hidden layer.
        depth: hidden layers, >= 1.
        activation: 'relu' or 'erf'.
        width: width of the hidden layers before the last; S if None.
        weight_variance: 2 preserves the scale of a ReLU network.
        bias_variance: >= 0.

    Raises:
        InputError: an argument is out of range.
    """
    hidden = as_matrix("inputs", inputs)
    width = num_features if width is None else width
    for name, number in (("num_features", num_features), ("width", width)):
        require(number >= 1 and number == int(number), f"{name} must be 1 or more.")
    require(depth >= 1 and depth == int(depth), "depth must be 1 or more.")
    require_positive("weight_variance", weight_variance)
    require_least("bias_variance", bias_variance, 0)
    phi = activation_named(activation)
    widths = [int(width)] * (int(depth) - 1) + [int(num_features)]
    for layer, fan_out in enumerate(widths):
        weight_key, bias_key = jax.random.split(jax.random.fold_in(key, layer))
        fan_in = hidden.shape[1]
        scale = jnp.sqrt(jnp.asarray(weight_variance / fan_in, hidden.dtype))
        weights = scale * jax.random.normal(weight_key, (fan_in, fan_out), hidden.dtype)
        bias = jax.random.normal(bias_key, (fan_out,), hidden.dtype)
        offset = jnp.sqrt(jnp.asarray(bias_variance, hidden.dtype)) * bias
        hidden = phi(hidden @ weights + offset)
    return hidden


def activation_named(name: str) -> Callable[[Array], Array]:
    """Returns an activation by name.

    Raises:
        InputError: the name is unknown.
    """
    if name not in ACTIVATIONS:
        raise InputError(f"activation {name!r} is not one of {', '.join(ACTIVATIONS)}.")
    return ACTIVATIONS[name]


def teacher_student_loss(
    train_features: Real[ArrayLike, "D S"],
    projection: Real[ArrayLike, "P ..."],
    *,
    population_features: Real[ArrayLike, "N S"] | None = None,
    covariance: Real[ArrayLike, "S ..."] | None = None,
    ridge: Scalar = 0.0,
) -> Float[Array, ""]:
    """Returns L(D, P), the mean over teachers [B21, Eq. S4, S5].

    The loss is computed by a singular value decomposition of X Pi^T, without an
    inverse. The function may be vmapped over draws. Under vmap and jit values are not
    checked, and singular matrices are treated by the pseudo-inverse.

    Args:
        train_features: [D, S] X, D >= 1.
        projection: [P, S] Pi, 1 <= P <= S, or [P] the indices of picked features.
        population_features: [N, S] features of all inputs, instead of covariance.
        covariance: [S, S] C, or the diagonal [S] of a diagonal C, instead of
            population_features.
        ridge: r >= 0.

    Raises:
        InputError: shapes do not match, P > S, D = 0, features are not finite or,
            without a ridge, singular: of rank below min(D, P).
    """
    root = moment_root(population_features, covariance)
    features = as_points(train_features, root)
    students = as_projection(projection, root)
    check_ridge(ridge)
    losses = squares_of(features, students, [students.num_rows], root, ridge)
    return losses[0] / (2 * root.size)


def squares_of(
    features: Float[Array, "D S"],
    students: Projection | SeenProjection,
    sizes: Sequence[int],
    root: Root,
    ridge: Scalar,
) -> Float[Array, "sizes"]:
    """Returns |R - R Pi^T (X Pi^T)^+ X|^2 of the first p rows of Pi, at each p.

    Pi and R are multiplied once by the columns of all p together, because a large
    matrix takes as long to read as to multiply by a few columns.
    """
    seen = students.apply(features.T).T
    inverses = [_inverse(seen[:, :size], ridge) for size in sizes]
    columns = [
        jnp.pad(left, ((0, students.num_rows - len(left)), (0, 0)))
        for left, _ in inverses
    ]
    ends = np.cumsum([each.shape[1] for each in columns])[:-1].tolist()
    image = root.apply(students.apply_transposed(jnp.concatenate(columns, axis=1)))
    images, backs = (
        jnp.split(each, ends, axis=1) for each in (image, root.apply_transposed(image))
    )
    squares = []
    for left, back, (_, basis) in zip(images, backs, inverses, strict=True):
        right = features.T @ basis
        square = jnp.sum(gram(left) * gram(right))
        cross = jnp.sum(back * right, dtype=float)
        squares.append(root.energy - 2 * cross + square)
    return jnp.maximum(jnp.stack(squares), 0).astype(image.dtype)


def _inverse(
    seen: Float[Array, "D P"], ridge: Scalar
) -> tuple[Float[Array, "P K"], Float[Array, "D K"]]:
    """Returns L and U with (X Pi^T)^+ = L U^T, from the matrix X Pi^T."""
    u, values, vt = jnp.linalg.svd(seen, full_matrices=False)
    floor = max(seen.shape) * jnp.finfo(seen.dtype).eps * values[0]
    require(
        jnp.all(values > floor) | (jnp.asarray(ridge) > 0),
        "train_features are singular: on the student's features their rank is below "
        f"min(D, P) = {len(values)}; give a ridge above 0.",
    )
    kept = (values > floor) | (ridge > floor**2)  # do not invert rounding errors
    inverse = jnp.where(kept, values / jnp.where(kept, values**2 + ridge, 1), 0)
    return vt.T * inverse, u


def losses_over_data(
    train_features: Real[ArrayLike, "D S"],
    *,
    population_features: Real[ArrayLike, "N S"] | None = None,
    covariance: Real[ArrayLike, "S ..."] | None = None,
    ridge: Scalar = 0.0,
) -> Float[Array, "D"]:
    """Returns L(d), d = 1..D, of a student with all features [B21, Eq. 5].

        L(d) = (1/2) E_x[K(x, x) - k(x)^T Kbar^{-1} k(x)] without a ridge,

    for the first d points, all from one QR decomposition, whose first columns do not
    depend on later points.

    Args:
        train_features: [D, S] X, D <= S unless there is a ridge.
        population_features: as in `teacher_student_loss`.
        covariance: as in `teacher_student_loss`.
        ridge: r >= 0.

    Raises:
        InputError: as in `teacher_student_loss`; or, without a ridge, points are
            linearly dependent.
    """
    root = moment_root(population_features, covariance)
    features = as_points(train_features, root)
    basis, _ = orthogonalise("train_features", features.T, ridge)
    image = root.apply(basis)
    cross = jnp.sum(image**2, axis=0, dtype=float)
    return squares_left(root.energy, image, basis, cross) / (2 * features.shape[1])


def losses_over_features(
    projection: Real[ArrayLike, "P ..."],
    *,
    population_features: Real[ArrayLike, "N S"] | None = None,
    covariance: Real[ArrayLike, "S ..."] | None = None,
    ridge: Scalar = 0.0,
) -> Float[Array, "P"]:
    """Returns L(p), p = 1..P, of a student with all the data [B21, Eq. 4].

        L(p) = (1 / 2S) Tr[C - C Pi^T (Pi C Pi^T)^{-1} Pi C] without a ridge,

    for the first p rows of Pi: `losses_over_data` with R^T for R and R Pi^T for X^T.
    The ridge is relative to a mean over data, E[(f(x) - y)^2] + r |theta|^2.

    Args:
        projection: as in `teacher_student_loss`.
        population_features: as in `teacher_student_loss`.
        covariance: as in `teacher_student_loss`.
        ridge: r >= 0.

    Raises:
        InputError: as in `teacher_student_loss`; or, without a ridge, features are
            linearly dependent.
    """
    root = moment_root(population_features, covariance)
    students = as_projection(projection, root)
    seen = root.apply(students.transposed)
    basis, _ = orthogonalise("the student's features", seen, ridge)
    image = root.apply_transposed(basis)
    cross = jnp.sum(image**2, axis=0, dtype=float)
    return squares_left(root.energy, basis, image, cross) / (2 * root.size)


def label_losses_over_data(
    train_features: Real[ArrayLike, "D S"],
    train_labels: Real[ArrayLike, "D outputs"],
    population_features: Real[ArrayLike, "N S"],
    population_labels: Real[ArrayLike, "N outputs"],
    ridge: Scalar = 0.0,
) -> Float[Array, "D"]:
    """Returns (1/2) E[(f(x) - y)^2], d = 1..D, for labels without a teacher.

    The student has all features and learns from the first d points. The mean is over
    population and outputs.

    Args:
        train_features: as in `losses_over_data`.
        train_labels: [D, outputs].
        population_features: [N, S].
        population_labels: [N, outputs].
        ridge: r >= 0.

    Raises:
        InputError: as in `losses_over_data`.
    """
    root = moment_root(population_features, None)
    features = as_points(train_features, root)
    labels = as_matrix("population_labels", population_labels)
    told = as_matrix("train_labels", train_labels)
    require_shape("train_labels", told, (features.shape[0], labels.shape[1]))
    population = root.matrix.shape[0]
    require_shape("population_labels", labels, (population, labels.shape[1]))
    basis, triangle = orthogonalise("train_features", features.T, ridge)
    coefficients = solve_triangular(triangle, told, trans=1)
    predicted = root.apply(basis)
    labels = labels / jnp.sqrt(labels.shape[0])
    cross = jnp.sum((predicted.T @ labels) * coefficients, axis=1, dtype=float)
    left = squares_left(jnp.sum(labels**2), predicted, coefficients.T, cross)
    return left / (2 * labels.shape[1])
