"""Is the mean of a few curves more than chance?"""

import numpy as np
from scipy.special import fdtrc


def functional_f_test(curves: np.ndarray) -> float:
    """Returns the p-value of a mean curve that is 0, by the F-type test.

    With n curves of mean m and covariance C, F = n |m|^2 / tr C has nu and (n - 1) nu
    degrees of freedom, nu = tr(C)^2 / tr(C^2), however its points depend on each other
    [Shen & Faraway 2004]. The sample covariance takes the place of C: nu is then n - 1
    at most, and 5% is the most that chance is rejected; exactly so for smooth curves.

    Args:
        curves: [points, n] n >= 3 independent curves.
    """
    free = curves.shape[1] - 1
    around = curves - curves.mean(axis=1, keepdims=True)
    gram = around.T @ around / free
    trace = np.trace(gram)
    if trace <= 1e-20 * (1 + np.sum(curves**2)):  # seeds that are copies
        return 0.0 if np.any(np.abs(curves.mean(axis=1)) > 1e-9) else 1.0
    nu = float(trace**2 / np.sum(gram**2))
    statistic = (free + 1) * np.sum(curves.mean(axis=1) ** 2) / trace
    return float(fdtrc(nu, free * nu, statistic))
