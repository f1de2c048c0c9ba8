"""The size p of a network in the product p t."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from scipy.special import stdtrit

from scaletime_jax.theory.arguments import (
    Values,
    require,
    require_positive,
    require_shape,
)


def cube_root_size(num_params):
    """Returns the effective size p = num_params^{1/3} [BF24, App. B].

    Args:
        num_params: [...] trainable parameters, > 0.

    Returns:
        [...] effective size, in training points that can be fitted.
    """
    return jnp.cbrt(jnp.asarray(num_params, float))


class Capacity(NamedTuple):
    """The most training points that a network fits.

    Attributes:
        train_size: where its final training error crosses 1/n of the chance error.
        bound: 'exact' if it crosses within the sweep; 'above' if every size was fitted
            (train_size is the largest), 'below' if none was (the smallest).
    """

    train_size: float
    bound: str


class ExponentFit(NamedTuple):
    """capacity ~ num_params^exponent.

    Attributes:
        exponent: 1/3 in [BF24, App. B].
        exponent_ci: 95% interval, Student's t.
        r_squared: share of the variance of log capacity explained.
    """

    exponent: float
    exponent_ci: tuple[float, float]
    r_squared: float


def measure_capacity(
    train_sizes: Values, train_errors: Values, chance_error: float
) -> Capacity:
    """Returns the largest n whose final training error is <= 1/n of the chance error.

    "The maximum number of training points that can be fit" [BF24, App. B], made
    precise: n error(n) / chance_error crosses 1 there for the last time, interpolated
    linearly in log n between the sizes of the sweep.

    Args:
        train_sizes: [sizes] n, increasing.
        train_errors: [sizes] final training errors, >= 0.
        chance_error: of a constant guess, > 0.

    Raises:
        InputError: shapes do not match, sizes do not increase, errors are not numbers.
    """
    sizes, errors = np.asarray(train_sizes, float), np.asarray(train_errors, float)
    require_shape("train_errors", errors, sizes.shape)
    require(sizes.ndim == 1 and sizes.size > 0, "train_sizes must be a vector.")
    require_positive("train_sizes", sizes)
    require(bool(np.all(np.diff(sizes) > 0)), "train_sizes must increase.")
    require(
        bool(np.all(errors >= 0) and np.isfinite(errors).all()),
        "train_errors must be finite and 0 or more.",
    )
    require_positive("chance_error", chance_error)
    excess = sizes * errors / chance_error - 1  # fitted where it is 0 or less
    fitted = np.flatnonzero(excess <= 0)
    if fitted.size == 0:
        return Capacity(float(sizes[0]), "below")
    last = fitted[-1]
    if last == len(sizes) - 1:
        return Capacity(float(sizes[-1]), "above")
    share = -excess[last] / (excess[last + 1] - excess[last])
    low, high = np.log(sizes[last : last + 2])
    return Capacity(float(np.exp(low + share * (high - low))), "exact")


def fit_exponent(num_params: Values, capacity: Values) -> ExponentFit:
    """Fits capacity ~ num_params^exponent by least squares on log axes.

    Args:
        num_params: [networks] trainable parameters, > 0.
        capacity: [networks] training points fitted, > 0; networks of one size may stand
            here several times, one for each seed.

    Raises:
        InputError: shapes do not match, values are not above 0, or fewer than three
            networks or two sizes are given.
    """
    params, fits = np.asarray(num_params, float), np.asarray(capacity, float)
    require_shape("capacity", fits, params.shape)
    require_positive("num_params", params)
    require_positive("capacity", fits)
    require(
        params.size >= 3 and np.unique(params).size >= 2,
        "an exponent with an interval needs three networks of two sizes or more.",
    )
    x, y = np.log(params), np.log(fits)
    x, y = x - x.mean(), y - y.mean()
    slope = float(x @ y / (x @ x))
    left = np.sum((y - slope * x) ** 2)
    error = np.sqrt(left / (params.size - 2) / (x @ x))
    reach = float(stdtrit(params.size - 2, 0.975) * error)
    r_squared = float(1 - left / (y @ y)) if np.ptp(y) > 0 else 0.0
    return ExponentFit(slope, (slope - reach, slope + reach), r_squared)
