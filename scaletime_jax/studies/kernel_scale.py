"""What size is worth in the lazy regime: the kernel's scale at the start over size."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scaletime_jax.stats.claims import Claim, judge
from scaletime_jax.stats.estimates import jackknife
from scaletime_jax.stats.log_means import NeighbourSlopes, neighbour_slopes
from scaletime_jax.studies.result import Result

NAME = "kernel_scale"
TITLE = "What size is worth in the lazy regime: the kernel's scale over size"
CAPTION = (
    "Draws numbers of the tangent kernel at the initialisation over the number of "
    "parameters (top), and their slopes between neighbouring sizes (bottom), which are "
    "the exponents kappa of size^kappa x time that the lazy regime has at one "
    "learning rate. Points are geometric means over initialisations; bars are one "
    "standard error (top) and simultaneous 95% intervals (bottom). a, d: mean squared "
    "derivative of an output; lines are theory, of the mean over initialisations, "
    "continued to larger networks. b, e: largest eigenvalue of the centred kernel, by "
    "the number of examples. c, f: effective number of directions of the centred "
    "kernel (participation ratio). Dashes are slopes of 1/2, 1/3 and 0."
)
CLOSE = 0.05  # to a slope that is expected
SAME = 0.05  # of measured scale and theory, relative
CUBE_ROOT = 1 / 3
# Slopes at infinite width by initialisation, and claims on them.
EXPECTED = {"pytorch": 0.5, "lecun": 0.5, "he": 0.5, "ntk": 0.0, "glorot": 0.0}
WIDE = {
    0.5: "At large width the kernel's scale grows as the square root of size, where "
    "weights have a variance of order 1 / fan-in.",
    0.0: "At large width the kernel's scale does not grow with size, in NT "
    "parameterisation and with Glorot's initialisation.",
}
ONE_TO_ONE = (
    "The lazy regime exchanges size^(1/3) and time: the kernel's scale grows as "
    "size^(1/3)."
)
QUANTITIES = {
    "square": "mean squared derivative",
    "top": "largest eigenvalue of the centred kernel",
    "dimension": "effective number of directions",
}
SCALES = ("square", "top")


class Theory(NamedTuple):
    """The mean squared derivative in theory.

    Attributes:
        num_params: [points] numbers of parameters, also beyond those measured.
        square: [points].
        at_sizes: [sizes] at the measured sizes.
    """

    num_params: np.ndarray
    square: np.ndarray
    at_sizes: np.ndarray


class Case(NamedTuple):
    """The kernels of one network at several widths.

    Attributes:
        architecture: its name.
        init: its initialisation and parameterisation.
        widths: [sizes].
        num_params: [sizes] ascending.
        square: [sizes, draws] mean squared derivative of an output.
        top: [sizes, draws] largest eigenvalue of the centred kernel, by examples.
        dimension: [sizes, draws] participation ratio of the centred kernel.
        theory: of the mean squared derivative; None where there is none.
    """

    architecture: str
    init: str
    widths: np.ndarray
    num_params: np.ndarray
    square: np.ndarray
    top: np.ndarray
    dimension: np.ndarray
    theory: Theory | None = None

    @property
    def setting(self) -> dict[str, str]:
        """The network in words."""
        return {"architecture": self.architecture, "init": self.init}

    @property
    def expected(self) -> float | None:
        """The slope at infinite width, where hidden layers hold the parameters.

        None for an initialisation of which theory does not tell it.
        """
        return EXPECTED.get(self.init)

    def slopes(self, quantity: str) -> NeighbourSlopes:
        """Returns the slopes of a quantity between neighbouring sizes.

        Those of 'square' and 'top' are predictions of kappa.
        """
        return neighbour_slopes(self.num_params, getattr(self, quantity))


def study(cases: Sequence[Case]) -> Result:
    """Returns how the kernel's scale grows with size, with claims on its slope.

    Args:
        cases: networks of two or more sizes each.
    """
    return Result(
        NAME,
        TITLE,
        CAPTION,
        [claim for case in cases for claim in make_claims(case)],
        {
            "kernels": [row for case in cases for row in _sizes(case)],
            "slopes": [row for case in cases for row in _pairs(case)],
        },
        {
            "cases": [
                {
                    **case.setting,
                    "widths": [int(width) for width in case.widths],
                    "draws": int(case.square.shape[1]),
                    "cube_root_in_interval": {
                        name: int(_contains(case.slopes(name), CUBE_ROOT).sum())
                        for name in SCALES
                    },
                    "pairs": len(case.widths) - 1,
                }
                for case in cases
            ]
        },
        {"cases": [*cases]},
        [],
    )


def make_claims(case: Case) -> list[Claim]:
    """Returns the claims on the two largest networks, and on theory."""
    claims = []
    for name in SCALES:
        values = getattr(case, name)[-2:]
        step = np.diff(np.log(case.num_params[-2:])).item()

        def slope(pair, step=step):
            return float(np.diff(np.log(pair).mean(axis=1)).item() / step)

        found = jackknife(slope, values)
        asked = [("beyond [BF24, Fig. 2]", CUBE_ROOT, ONE_TO_ONE)]
        if case.expected is not None:
            wide = "[Jacot et al. 2018]", case.expected, WIDE[case.expected]
            asked = [wide, *asked]
        for source, expected, statement in asked:
            claims.append(
                judge(
                    found,
                    (expected - CLOSE, expected + CLOSE),
                    source=source,
                    statement=statement,
                    setting=case.setting,
                    quantity=f"slope of the {QUANTITIES[name]} between the two largest "
                    "networks",
                )
            )
    if case.theory is not None:
        theory = case.theory.at_sizes[:, None]
        ratio = jackknife(lambda v, t=theory: float((v / t).mean()), case.square)
        claims.append(
            judge(
                ratio,
                (1 - SAME, 1 + SAME),
                source="beyond [Jacot et al. 2018]",
                statement="The mean squared derivative at finite width is that of the "
                "recursion over layers.",
                setting=case.setting,
                quantity="mean over sizes of measured over theory",
            )
        )
    return claims


def _contains(slopes: NeighbourSlopes, value: float) -> np.ndarray:
    if slopes.intervals is None:
        return np.zeros(len(slopes.values), bool)
    low, high = slopes.intervals.T
    return np.asarray((low <= value) & (value <= high))


def _sizes(case: Case) -> list[dict]:
    """Returns a row for each size: medians, and geometric means."""
    rows = []
    for place, width in enumerate(case.widths):
        row = {**case.setting, "width": int(width)}
        row["num_params"] = int(case.num_params[place])
        for name in QUANTITIES:
            values = getattr(case, name)[place]
            row[f"{name}_median"] = float(np.median(values))
            row[f"{name}_mean"] = float(values.mean())
            row[f"{name}_geometric_mean"] = float(np.exp(np.log(values).mean()))
        theory = case.theory
        row["square_theory"] = None if theory is None else float(theory.at_sizes[place])
        rows.append(row)
    return rows


def _pairs(case: Case) -> list[dict]:
    """Returns a row for each pair of neighbouring sizes and each quantity."""
    rows = []
    for name in QUANTITIES:
        found = case.slopes(name)
        for pair, (size, value) in enumerate(
            zip(found.sizes, found.values, strict=True)
        ):
            low, high = None, None
            if found.intervals is not None:
                low, high = map(float, found.intervals[pair])
            first, second = (int(width) for width in case.widths[pair : pair + 2])
            row = {**case.setting, "quantity": name, "width": first}
            ends = {"next_width": second, "num_params": float(size)}
            rows.append(
                {**row, **ends, "slope": float(value), "low": low, "high": high}
            )
    return rows
