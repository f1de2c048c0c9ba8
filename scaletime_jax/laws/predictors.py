"""Published laws, each a function from learning curves to a fitted law."""

from collections.abc import Callable
from typing import NamedTuple

from scaletime_jax.laws.axis_laws import (
    fit_broken,
    fit_no_change,
    fit_power,
    fit_sigmoidal,
)
from scaletime_jax.laws.law import Law
from scaletime_jax.laws.power_laws import (
    fit_additive,
    fit_coupled,
    fit_interaction,
    fit_late_additive,
    fit_with_data,
)
from scaletime_jax.laws.repeated_data import fit_overfitting, fit_saturation
from scaletime_jax.laws.scale_time import (
    fit_scale_time,
    fit_scale_time_kappa,
    fit_unified,
)
from scaletime_jax.runs.learning_curves import LearningCurves


class Predictor(NamedTuple):
    """A published law.

    Attributes:
        name: short name, as in tables.
        source: the paper that the law is from.
        fit: (curves, axis) -> law. The axis, 'num_params' or 'epoch', is the axis of
            extrapolation, which laws of one variable need.
        joint: whether the law is one function of size and time, so that it can plan.
    """

    name: str
    source: str
    fit: Callable[[LearningCurves, str], Law]
    joint: bool


def _jointly(fit: Callable[[LearningCurves], Law]):
    return lambda curves, axis: fit(curves)


PREDICTORS = (
    Predictor("no change", "baseline", fit_no_change, False),
    Predictor("scale-time", "[BF24, C.5]", _jointly(fit_scale_time), True),
    Predictor(
        "scale-time, fitted", "[BF24, C.5]", _jointly(fit_scale_time_kappa), True
    ),
    Predictor("unified law", "[BF24, Eq. 10]", _jointly(fit_unified), True),
    Predictor("power law", "[Kaplan et al. 2020]", fit_power, False),
    Predictor("additive", "[Hoffmann et al. 2022]", _jointly(fit_additive), True),
    Predictor(
        "additive, late", "[Hoffmann et al. 2022]", _jointly(fit_late_additive), True
    ),
    Predictor("with data", "[Hoffmann et al. 2022]", _jointly(fit_with_data), True),
    Predictor("interaction", "additive and product", _jointly(fit_interaction), True),
    Predictor("coupled", "additive, B grows as N^g", _jointly(fit_coupled), True),
    Predictor(
        "repeated data", "[Muennighoff et al. 2023]", _jointly(fit_saturation), True
    ),
    Predictor("overfitting", "[arXiv 2605.09189]", _jointly(fit_overfitting), True),
    Predictor("BNSL", "[Caballero et al. 2023]", fit_broken, False),
    Predictor("M4", "[Alabdulmohsin et al. 2022]", fit_sigmoidal, False),
)
