"""What the spectrum of a kernel says of the loss, and the kernels of wide networks.

C = E[F F^T] and K(x, x') = F(x)^T F(x') / S have the same eigenvalues, up to N / S for
N inputs [B21, Sec. 2.3]. They decide how the loss of a linear student falls with data;
exchanged, how it falls with features.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Real

from scaletime_jax.errors import InputError
from scaletime_jax.theory.arguments import (
    Scalar,
    Values,
    as_float,
    as_matrix,
    require,
    require_least,
    require_positive,
)

BISECTIONS = 80
LOG_SPAN = 120.0  # how far below its upper bound kappa is looked for, in e-folds


def spectra(
    features: Real[Array, "N S"],
) -> tuple[Float[np.ndarray, "S"], Float[np.ndarray, "N"]]:
    """Returns the eigenvalues of C = F^T F / N and of K = F F^T / S, largest first.

    Those of the smaller matrix are computed, on the host, whose LAPACK takes half the
    time of JAX's on a CPU; the others are N / S times as large, and zero beyond.

    Args:
        features: [N, S] of all inputs.

    Raises:
        InputError: features are not a finite matrix.
    """
    features = as_matrix("features", features)
    rows, columns = features.shape
    gram = features.T @ features if columns <= rows else features @ features.T
    # rounding may leave the last ones below 0
    values = np.maximum(np.linalg.eigvalsh(np.asarray(gram))[::-1], 0)
    padded = [np.pad(values, (0, size - values.size)) for size in (columns, rows)]
    return padded[0] / rows, padded[1] / columns


class Kernels(NamedTuple):
    """Kernels of an infinitely wide network with a linear readout.

    Attributes:
        nngp: [n, m] covariance of its outputs over initialisations.
        ntk: [n, m] inner product of its gradients, each weight matrix being
            sqrt(weight_variance / fan-in) times parameters of variance 1.
    """

    nngp: Float[Array, "n m"]
    ntk: Float[Array, "n m"]


def infinite_width_kernels(
    inputs: Real[Array, "n d"],
    others: Real[Array, "m d"],
    depth: int = 3,
    activation: str = "relu",
    weight_variance: float = 2.0,
    bias_variance: float = 0.0,
) -> Kernels:
    """Returns the NNGP and NT kernels of a fully-connected network, in closed form.

    With q the kernel of a layer's inputs, s_w and s_b the variances, from layer to
    layer [Lee et al. 2018; Jacot et al. 2018]

        q <- s_w E[phi(u) phi(v)] + s_b,      (u, v) ~ N(0, q),
        Theta <- q + s_w E[phi'(u) phi'(v)] Theta,

    with E by [Cho & Saul 2009] for ReLU and by [Williams 1997] for erf.

    Args:
        inputs: [n, d].
        others: [m, d].
        depth: hidden layers, >= 1.
        activation: 'relu' or 'erf'.
        weight_variance: s_w > 0.
        bias_variance: s_b >= 0.

    Raises:
        InputError: an argument is out of range.
    """
    expectations = {"relu": _relu_expectations, "erf": _erf_expectations}
    if activation not in expectations:
        raise InputError(f"activation {activation!r} is not one of relu, erf.")
    inputs, others = as_matrix("inputs", inputs), as_matrix("others", others)
    require(
        inputs.shape[1] == others.shape[1],
        f"inputs have {inputs.shape[1]} dimensions, others {others.shape[1]}.",
    )
    require(depth >= 1, "depth must be 1 or more.")
    require_positive("weight_variance", weight_variance)
    require_least("bias_variance", bias_variance, 0)

    def affine(values):
        return weight_variance * values + bias_variance

    size = inputs.shape[1]
    cross = tangent = affine(inputs @ others.T / size)
    left = affine(jnp.sum(inputs**2, axis=1)[:, None] / size)
    right = affine(jnp.sum(others**2, axis=1)[None, :] / size)
    expect = expectations[activation]
    for _ in range(depth):
        product, slopes = expect(cross, left, right)
        cross = affine(product)
        tangent = cross + weight_variance * slopes * tangent
        left = affine(expect(left, left, left)[0])
        right = affine(expect(right, right, right)[0])
    return Kernels(cross, tangent)


def _relu_expectations(cross, left, right):
    """Returns E[phi phi] and E[phi' phi'] for ReLU."""
    scale = jnp.sqrt(left * right)
    cosine = jnp.clip(cross / jnp.where(scale > 0, scale, 1), -1, 1)
    angle = jnp.arccos(cosine)
    sine = jnp.sqrt((1 - cosine) * (1 + cosine))
    product = scale * (sine + (jnp.pi - angle) * cosine) / (2 * jnp.pi)
    return product, (jnp.pi - angle) / (2 * jnp.pi)


def _erf_expectations(cross, left, right):
    """Returns E[phi phi] and E[phi' phi'] for erf."""
    scale = (1 + 2 * left) * (1 + 2 * right)
    ratio = jnp.clip(2 * cross / jnp.sqrt(scale), -1, 1)
    slopes = 4 / jnp.pi / jnp.sqrt(scale - 4 * cross**2)
    return 2 / jnp.pi * jnp.arcsin(ratio), slopes


def effective_ridge(
    eigenvalues: Values, train_sizes: Values, ridge: Scalar = 0.0
) -> Float[Array, "..."]:
    """Returns kappa(D), the scale below which modes are not learned [B21, Eq. S12].

        kappa = ridge + sum_i kappa lambda_i / (kappa + D lambda_i).

    is solved by bisection [Canatar et al. 2021, Eq. 4]. Modes with D lambda_i well
    above kappa are learned. Without a ridge it is 0 where D is at least the number of
    modes.

    Args:
        eigenvalues: [S] lambda_i >= 0, of C or, with their number for N, of K.
        train_sizes: [...] D > 0, or numbers of features, for the loss over those.
        ridge: in the student's squared error, sum_a (f(x_a) - y_a)^2 + ridge |theta|^2.

    Raises:
        InputError: an argument is out of range, or all eigenvalues are 0.
    """
    require_least("eigenvalues", eigenvalues, 0)
    require_positive("train_sizes", train_sizes)
    require_least("ridge", ridge, 0)
    values, sizes = as_float(eigenvalues), as_float(train_sizes)
    require(jnp.sum(values) > 0, "eigenvalues must not all be 0.")
    top = jnp.log(ridge + jnp.sum(values))

    def halve(_, bounds):
        low, high = bounds
        middle = (low + high) / 2
        kappa = jnp.exp(middle)
        shares = values / (kappa[..., None] + sizes[..., None] * values)
        above = ridge / kappa + jnp.sum(shares, axis=-1) > 1
        return jnp.where(above, middle, low), jnp.where(above, high, middle)

    start = jnp.full(sizes.shape, top - LOG_SPAN, values.dtype)
    bounds = jax.lax.fori_loop(0, BISECTIONS, halve, (start, start + LOG_SPAN))
    learned_all = (jnp.asarray(ridge) == 0) & (sizes >= jnp.sum(values > 0))
    return jnp.where(learned_all, 0, jnp.exp((bounds[0] + bounds[1]) / 2))


def learning_curve(
    eigenvalues: Values,
    target_moments: Values,
    train_sizes: Values,
    ridge: Scalar = 0.0,
    noise: Scalar = 0.0,
) -> Float[Array, "..."]:
    """Returns L(D) for features that are as good as Gaussian [B21, Eq. S12].

        L(D) = (1/2) (kappa^2 sum_i lambda_i w_i^2 / (kappa + D lambda_i)^2 + noise)
               / (1 - gamma),    gamma = sum_i D lambda_i^2 / (kappa + D lambda_i)^2

    The paper's formula lacks the 1/2 of its loss. For teachers, w_i^2 = 1/S and
    without a ridge it is kappa / 2S. By duality it is L(P) at D = P.

    Args:
        eigenvalues: [S] lambda_i of C, >= 0.
        target_moments: [S] or one for all, w_i^2: y = sum_i w_i e_i^T F(x) + the rest,
            with e_i the eigenvectors of C.
        train_sizes: [...] D > 0.
        ridge: as in `effective_ridge`.
        noise: variance of the rest of the labels, which is part of the loss.

    Raises:
        InputError: as in `effective_ridge`.
    """
    kappa = effective_ridge(eigenvalues, train_sizes, ridge)[..., None]
    values, sizes = as_float(eigenvalues), as_float(train_sizes)[..., None]
    below = kappa + sizes * values
    # where all modes are learned, kappa = 0, and so may an eigenvalue be
    below = jnp.where(below > 0, below, 1)
    unlearned = jnp.sum(values * jnp.asarray(target_moments) / below**2, axis=-1)
    gamma = jnp.sum(sizes * (values / below) ** 2, axis=-1)
    kappa = kappa[..., 0]
    squares = kappa**2 * unlearned + noise
    return jnp.where(squares > 0, squares / (2 * (1 - gamma)), 0)


def power_law_curve(
    exponent: Scalar, train_sizes: Values, num_features: Scalar = 1.0
) -> Float[Array, "..."]:
    """Returns what L(D) tends to for lambda_i = i^{-(1 + a)} [B21, Eq. S14].

        L(D) = b^{1 + a} D^{-a} / 2S,   b = (pi / (1 + a)) / sin(pi / (1 + a)),

    with its constant, from sums taken as integrals, where 1 << D << S: gamma is a / (1
    + a). The tail of unlearned modes alone is D^{-a} / a in the place of b^{1 +
    a} D^{-a} (the paper's Eq. 9 has a D^{-a}).

    Args:
        exponent: a > 0.
        train_sizes: [...] D > 0.
        num_features: S.

    Raises:
        InputError: an argument is out of range.
    """
    require_positive("exponent", exponent)
    require_positive("train_sizes", train_sizes)
    angle = jnp.pi / (1 + as_float(exponent))
    factor = (angle / jnp.sin(angle)) ** (1 + exponent)
    return factor * as_float(train_sizes) ** -exponent / (2 * num_features)


def variance_limited_loss(
    limit: Values, fixed: Scalar, sizes: Values, pool: Scalar = np.inf
) -> Float[Array, "..."]:
    """Returns the loss of P features on D > P + 1 points, from its limit L(P).

        L(D, P) = L(P) (1 + P (N - D) / ((D - P - 1) (N - P)))

    for D distinct points out of N, if the left singular vectors of their features are
    as good as uniformly distributed: what features miss is then noise independent of
    them, and Q_D^T Q_D of the orthonormal Q is a Beta matrix, whose inverse has the
    mean (N - P - 1) / (D - P - 1). Ours; N to infinity is the known 1 + P / (D - P -
    1), of which [B21, Eq. S7] is the order 1 / D. With D and P exchanged, pool being
    that of features, it is L(D, P) from L(D) for D < P - 1.

    Args:
        limit: [...] L(P), at D = N.
        fixed: P >= 0.
        sizes: [...] D, above P + 1 and at most N.
        pool: N.

    Raises:
        InputError: an argument is out of range.
    """
    fixed, sizes = as_float(fixed), as_float(sizes)
    require(sizes > fixed + 1, "sizes must be above fixed + 1.")
    require(sizes <= pool, "sizes must be at most the pool.")
    unseen = 1.0 if np.isinf(pool) else (pool - sizes) / (pool - fixed)
    return as_float(limit) * (1 + fixed * unseen / (sizes - fixed - 1))


def exchange(
    sample: Real[Array, "D N"],
    projection: Real[Array, "P S"],
    features: Real[Array, "N S"],
) -> tuple[Real[Array, "P S"], Real[Array, "D N"], Real[Array, "S N"]]:
    """Returns the dual problem: data for features, features for data [B21, Sec. 2.4].

    A student of features Pi F on points A F, A picking or mixing rows of the
    population F, has L(D, P) = |F - F Pi^T (A F Pi^T)^+ A F|^2 / 2NS. Transposed it is
    that of features A F^T on points Pi F^T: the same number, with D and P exchanged.

    Args:
        sample: [D, N] A, such as rows of the identity.
        projection: [P, S] Pi.
        features: [N, S] F.

    Returns:
        Sample, projection and features of the dual problem.
    """
    return projection, sample, features.T
