"""The loss of a linear student from the spectrum of its kernel.

C = E[F F^T] and K(x, x') = F(x)^T F(x') / S have the same eigenvalues, up to N / S for
N inputs [B21, Sec. 2.3]. The eigenvalues determine how the loss of a linear student
falls with data and, with data and features exchanged, how the loss falls with features.
"""

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
import scipy.sparse.linalg
from jaxtyping import Array, ArrayLike, Float, Real

from scaletime_jax.arguments import (
    Scalar,
    Values,
    as_float,
    as_matrix,
    require,
    require_least,
    require_positive,
    require_shape,
)

BISECTIONS = 80
LEADING = 20  # modes removed before a decomposition in single precision


def spectra(
    features: Real[ArrayLike, "N S"],
) -> tuple[Float[np.ndarray, "S"], Float[np.ndarray, "N"]]:
    """Returns the eigenvalues of C = F^T F / N and of K = F F^T / S, largest first.

    The eigenvalues of the smaller matrix are computed on the host, whose LAPACK takes
    half the time of JAX's on a CPU. The eigenvalues of the two matrices differ by the
    factor N / S, and the larger matrix has additional zeros. Eigenvalues that may be
    rounding errors are set to 0.

    Single precision takes half of the time and memory. Its rounding errors are relative
    to the largest eigenvalue, which would hide most of a spectrum that decays over nine
    orders of magnitude. For single-precision features the `LEADING` largest eigenvalues
    are therefore found first, by Lanczos iteration, and their modes are removed from
    the features before the Gram matrix is formed.

    Args:
        features: [N, S] of all inputs.

    Raises:
        InputError: features are not a finite matrix.
    """
    matrix = np.asarray(as_matrix("features", features))
    rows, columns = matrix.shape
    matrix = matrix if columns <= rows else matrix.T
    precision = np.finfo(matrix.dtype).eps
    # rounding errors of missing modes must not count as modes
    if matrix.dtype == np.float32 and min(rows, columns) > 10 * LEADING:
        leading, remainder = _without_leading(matrix)
        rest = _squared_singular_values(remainder)[: matrix.shape[1] - LEADING]
        leading = np.where(leading > precision * leading[0], leading, 0)
        found = (leading[-1] > 0) & (rest > precision * leading[-1])
        values = np.concatenate([leading, np.where(found, rest, 0)])
    else:
        values = _squared_singular_values(matrix)
        floor = max(rows, columns) * precision * values[0]
        values = np.where(values > floor, values, 0)
    padded = [np.pad(values, (0, size - values.size)) for size in (columns, rows)]
    return padded[0] / rows, padded[1] / columns


def _squared_singular_values(matrix: Float[np.ndarray, "n m"]) -> np.ndarray:
    """Returns the eigenvalues of A^T A, largest first."""
    # the transpose has LAPACK's order of columns, so that LAPACK works in its place
    gram = (matrix.T @ matrix).T
    return scipy.linalg.eigvalsh(gram, overwrite_a=True)[::-1].astype(float)


def _without_leading(
    matrix: Float[np.ndarray, "n m"],
) -> tuple[Float[np.ndarray, "LEADING"], Float[np.ndarray, "n m"]]:
    """Returns the largest eigenvalues of A^T A, and A without their modes."""
    square = scipy.sparse.linalg.LinearOperator(
        (matrix.shape[1],) * 2,
        matvec=lambda v: matrix.T @ (matrix @ v.astype(matrix.dtype)),
        dtype=float,
    )
    start = np.random.default_rng(0).normal(size=matrix.shape[1])
    values, vectors = scipy.sparse.linalg.eigsh(square, LEADING, v0=start, tol=1e-9)
    modes = vectors.astype(matrix.dtype)
    return np.sort(values)[::-1], matrix - (matrix @ modes) @ modes.T


def effective_ridge(
    eigenvalues: Values, train_sizes: Values, ridge: Scalar = 0.0
) -> Float[Array, "..."]:
    """Returns kappa(D), the scale below which modes are not learned [B21, Eq. S12].

        kappa = ridge + sum_i kappa lambda_i / (kappa + D lambda_i)

    is solved by bisection [Canatar et al. 2021, Eq. 4]. Modes with D lambda_i well
    above kappa are learned. Without a ridge, kappa is 0 if D is at least the number of
    modes. The function cannot be differentiated, because bisection has no gradient.

    Args:
        eigenvalues: [S] lambda_i >= 0 of C.
        train_sizes: [...] D > 0, or numbers of features for the loss over features.
        ridge: in the student's squared error, sum_a (f(x_a) - y_a)^2 + ridge |theta|^2.

    Raises:
        InputError: an argument is out of range, or all eigenvalues are 0.
    """
    require_least("eigenvalues", eigenvalues, 0)
    require_positive("train_sizes", train_sizes)
    require_least("ridge", ridge, 0)
    require_shape("ridge", ridge, ())
    values, sizes = as_float(eigenvalues), as_float(train_sizes)
    require(values.ndim == 1, "eigenvalues must be a vector.")
    require(jnp.sum(values) > 0, "eigenvalues must not all be 0.")
    modes, tiny = jnp.sum(values > 0), jnp.finfo(values.dtype).tiny
    least = jnp.min(jnp.where(values > 0, values, jnp.inf))
    # each mode contributes at least as much as the smallest mode
    low = jnp.log(jnp.maximum(jnp.maximum(ridge, (modes - sizes) * least), tiny))
    high = jnp.log(ridge + jnp.sum(values))

    def halve(_, bounds):
        low, high = bounds
        middle = (low + high) / 2
        kappa = jnp.exp(middle)
        shares = values / (kappa[..., None] + sizes[..., None] * values)
        above = ridge / kappa + jnp.sum(shares, axis=-1) > 1
        return jnp.where(above, middle, low), jnp.where(above, high, middle)

    start = low, jnp.broadcast_to(high, low.shape)
    bounds = jax.lax.fori_loop(0, BISECTIONS, halve, start)
    learned_all = (jnp.asarray(ridge) == 0) & (sizes >= modes)
    return jnp.where(learned_all, 0, jnp.exp((bounds[0] + bounds[1]) / 2))


def learning_curve(
    eigenvalues: Values,
    target_moments: Values,
    train_sizes: Values,
    ridge: Scalar = 0.0,
    noise: Scalar = 0.0,
) -> Float[Array, "..."]:
    """Returns L(D) for features that behave like Gaussian features [B21, Eq. S12].

        L(D) = (1/2) (kappa^2 sum_i lambda_i w_i^2 / (kappa + D lambda_i)^2 + noise)
               / (1 - gamma),    gamma = sum_i D lambda_i^2 / (kappa + D lambda_i)^2

    The paper's formula lacks the 1/2 of its loss. For teachers, w_i^2 = 1/S, and
    without a ridge L(D) is kappa / 2S. By duality L(P) equals L(D) at D = P, for Pi of
    iid standard normal entries.

    Args:
        eigenvalues: [S] lambda_i of C, >= 0.
        target_moments: [S] or one for all, w_i^2: y = sum_i w_i e_i^T F(x) + the rest,
            with e_i the eigenvectors of C.
        train_sizes: [...] D > 0.
        ridge: as in `effective_ridge`.
        noise: variance of the rest of the labels, which contributes to the loss.

    Raises:
        InputError: as in `effective_ridge`.
    """
    kappa = effective_ridge(eigenvalues, train_sizes, ridge)
    values, sizes = as_float(eigenvalues), as_float(train_sizes)
    moments = as_target_moments(target_moments, values)
    require_least("noise", noise, 0)
    below = kappa[..., None] + sizes[..., None] * values
    below = jnp.where(below > 0, below, 1)  # both may be 0
    missed = kappa**2 * jnp.sum(values * moments / below**2, axis=-1)
    # 1 - gamma without cancellation; by counting if all modes are learned
    learned = kappa == 0
    rest = ridge / jnp.where(learned, 1, kappa)
    rest = rest + kappa * jnp.sum(values / below**2, axis=-1)
    rest = jnp.where(learned, 1 - jnp.sum(values > 0) / sizes, rest)
    squares = missed + noise
    finite = squares / (2 * jnp.where(rest > 0, rest, 1))
    return jnp.where((squares > 0) & (rest <= 0), jnp.inf, finite)


def as_target_moments(value: Values, eigenvalues: Float[Array, "S"]):
    """Returns w_i^2 as an array [S] or a number.

    Raises:
        InputError: a value is below 0, or the number of values differs from the number
            of eigenvalues.
    """
    moments = as_float(value)
    require_least("target_moments", value, 0)
    require(
        moments.shape in ((), eigenvalues.shape),
        f"target_moments must be a number or {eigenvalues.size} numbers, got shape "
        f"{moments.shape}.",
    )
    return moments


def power_law_curve(
    exponent: Scalar, train_sizes: Values, num_features: Scalar = 1.0
) -> Float[Array, "..."]:
    """Returns the asymptotic L(D) for lambda_i = i^{-(1 + a)} [B21, Eq. S14].

        L(D) = b^{1 + a} D^{-a} / 2S,   b = (pi / (1 + a)) / sin(pi / (1 + a)),

    with its constant, from sums approximated by integrals, for 1 << D << S. Then gamma
    = a / (1 + a). The tail of unlearned modes alone would give D^{-a} / a instead of
    b^{1 + a} D^{-a} (the paper's Eq. 9 has a D^{-a}).

    Args:
        exponent: a > 0.
        train_sizes: [...] D > 0.
        num_features: S.

    Raises:
        InputError: an argument is out of range.
    """
    require_positive("exponent", exponent)
    require_positive("train_sizes", train_sizes)
    require_positive("num_features", num_features)
    exponent = as_float(exponent)
    angle = jnp.pi / (1 + exponent)
    factor = (angle / jnp.sin(angle)) ** (1 + exponent)
    return factor * as_float(train_sizes) ** -exponent / (2 * num_features)


def variance_limited_loss(
    limit: Values, fixed: Scalar, sizes: Values, pool: Scalar = np.inf
) -> Float[Array, "..."]:
    """Returns the loss of P features on D > P + 1 points, from its limit L(P).

        L(D, P) = L(P) (1 + P (N - D) / ((D - P - 1) (N - P)))

    for D distinct points out of N, if the left singular vectors of their features
    behave as if uniformly distributed. The part of the targets outside the features is
    then noise independent of the features, and Q_D^T Q_D of the orthonormal Q is a Beta
    matrix, whose inverse has the mean (N - P - 1) / (D - P - 1). The formula is ours;
    for N to infinity it is the known 1 + P / (D - P - 1), whose order 1 / D is [B21,
    Eq. S7]. With D and P exchanged and the pool of features as pool, the formula gives
    L(D, P) from L(D) for D < P - 1.

    Args:
        limit: [...] L(P), at D = N.
        fixed: P >= 0.
        sizes: [...] D, above P + 1 and at most N.
        pool: N.

    Raises:
        InputError: an argument is out of range.
    """
    require_least("limit", limit, 0)
    require_least("fixed", fixed, 0)
    fixed, sizes, pool = as_float(fixed), as_float(sizes), as_float(pool)
    require(sizes > fixed + 1, "sizes must be above fixed + 1.")
    require(sizes <= pool, "sizes must be at most the pool.")
    finite = jnp.where(jnp.isinf(pool), 2 * fixed + 1, pool)
    unseen = jnp.where(jnp.isinf(pool), 1, (finite - sizes) / (finite - fixed))
    return as_float(limit) * (1 + fixed * unseen / (sizes - fixed - 1))


def exchange(
    sample: Real[ArrayLike, "D N"],
    projection: Real[ArrayLike, "P S"],
    features: Real[ArrayLike, "N S"],
) -> tuple[Float[Array, "P S"], Float[Array, "D N"], Float[Array, "S N"]]:
    """Returns the dual problem: data and features exchanged [B21, Sec. 2.4].

    A student of features Pi F on points A F, where A picks or mixes rows of the
    population F, has L(D, P) = |F - F Pi^T (A F Pi^T)^+ A F|^2 / 2NS. The transposed
    matrices give the loss of features A F^T on points Pi F^T: the same number, with D
    and P exchanged.

    Args:
        sample: [D, N] A, such as rows of the identity.
        projection: [P, S] Pi.
        features: [N, S] F.

    Returns:
        Sample, projection and features of the dual problem.

    Raises:
        InputError: an argument is not a finite matrix.
    """
    dual = as_matrix("projection", projection), as_matrix("sample", sample)
    return *dual, as_matrix("features", features).T
