"""A test of whether the mean of a few curves is 0."""

import numpy as np
from scipy.special import fdtrc


def functional_f_test(curves: np.ndarray) -> float:
    """Returns the p-value of a mean curve that is 0, by the F-type test.

    With n curves of mean m and covariance C, F = n |m|^2 / tr C has nu and (n - 1) nu
    degrees of freedom with nu = tr(C)^2 / tr(C^2), for any dependence of the points of
    a curve [Shen & Faraway 2004]. The sample covariance replaces C: nu is then at most
    n - 1, and the test rejects a true null in at most 5% of cases, in exactly 5% for
    smooth curves.

    Args:
        curves: [points, n] n >= 3 independent curves.
    """
    free = curves.shape[1] - 1
    around = curves - curves.mean(axis=1, keepdims=True)
    gram = around.T @ around / free
    trace = np.trace(gram)
    if trace <= 1e-20 * (1 + np.sum(curves**2)):  # the seeds are copies
        return 0.0 if np.any(np.abs(curves.mean(axis=1)) > 1e-9) else 1.0
    nu = float(trace**2 / np.sum(gram**2))
    statistic = (free + 1) * np.sum(curves.mean(axis=1) ** 2) / trace
    return float(fdtrc(nu, free * nu, statistic))
