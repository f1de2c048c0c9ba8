"""Optimizers by name, with the schedule of their learning rate."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from scaletime_jax.training.hyper import Hyper
from scaletime_jax.training.schedules import Count, make_schedule

# The numbers of Hyper that each optimizer uses besides the learning rate.
READS = {
    "sgd": (),
    "momentum": ("momentum", "weight_decay"),
    "adam": (),
    "adamw": ("weight_decay",),
}
OPTIMIZERS = tuple(READS)
# The learning rates of [BF24, C.1].
LEARNING_RATES = {"sgd": 0.01, "adam": 0.001}


class Optimizer(NamedTuple):
    """An optimizer as pure functions of numbers that may be traced.

    Attributes:
        init: (params, hyper) -> state.
        update: (gradient, state, params, hyper, step, total) -> (params, state),
            after `step` of `total` steps.
    """

    init: Callable[[Any, Hyper], Any]
    update: Callable[[Any, Any, Any, Hyper, Count, Count], tuple[Any, Any]]


def is_adaptive(name: str) -> bool:
    """Whether the optimizer divides a gradient by its size."""
    return name in ("adam", "adamw")


def make_optimizer(
    name: str, schedule: str = "constant", factors: Any = None
) -> Optimizer:
    """Returns an optimizer with the conventions of PyTorch.

    Args:
        name:
            - 'sgd': theta -= rate g, without momentum or weight decay;
            - 'momentum': g += lambda theta, v = mu v + g, theta -= rate v, the heavy
              ball [Polyak 1964];
            - 'adam': beta = 0.9, 0.999 and eps = 1e-8 [Kingma & Ba 2015];
            - 'adamw': the same, and theta -= rate lambda theta
              [Loshchilov & Hutter 2019].
        schedule: 'constant', 'cosine', 'warmup_cosine' or 'warmup_stable_decay'.
        factors: of the learning rate of each parameter, a pytree as the parameters;
            None for 1. They do not change the share of a weight that decays in a step.
    """
    makers = {"sgd": _sgd, "momentum": _momentum, "adam": _adam, "adamw": _adamw}
    make: Callable[[Hyper], optax.GradientTransformation] = makers[name]
    if factors is not None:
        make = _with_factors(name, factors)
    multiplier = make_schedule(schedule)

    def init(params: Any, hyper: Hyper) -> Any:
        return make(hyper).init(params)

    def update(
        gradient: Any, state: Any, params: Any, hyper: Hyper, step: Count, total: Count
    ) -> tuple[Any, Any]:
        if multiplier is not None:
            rate = hyper.learning_rate * multiplier(step, total, hyper)
            hyper = hyper._replace(learning_rate=rate)
        change, state = make(hyper).update(gradient, state, params)
        return optax.apply_updates(params, change), state

    return Optimizer(init, update)


def _sgd(hyper: Hyper) -> optax.GradientTransformation:
    return optax.sgd(hyper.learning_rate)


def _momentum(hyper: Hyper) -> optax.GradientTransformation:
    decay = optax.add_decayed_weights(hyper.weight_decay)
    return optax.chain(decay, optax.sgd(hyper.learning_rate, hyper.momentum))


def _adam(hyper: Hyper) -> optax.GradientTransformation:
    return optax.adam(hyper.learning_rate)


def _adamw(hyper: Hyper) -> optax.GradientTransformation:
    return optax.adamw(hyper.learning_rate, weight_decay=hyper.weight_decay)


def _with_factors(
    name: str, factors: Any
) -> Callable[[Hyper], optax.GradientTransformation]:
    """Returns an optimizer in which each parameter has its factor of the rate.

    SGD is linear in the gradient, so the factor may come first. Adam's change does not
    depend on the size of the gradient, so the factor comes after it. Either way it
    comes before weight decay is added.
    """

    def multiply(updates: Any, params: Any) -> Any:
        return jax.tree.map(jnp.multiply, updates, factors)

    scale = optax.stateless(multiply)

    def make(hyper: Hyper) -> optax.GradientTransformation:
        if not is_adaptive(name):
            return optax.chain(scale, {"sgd": _sgd, "momentum": _momentum}[name](hyper))
        decay = hyper.weight_decay if "weight_decay" in READS[name] else 0.0
        return optax.chain(
            optax.scale_by_adam(),
            scale,
            optax.add_decayed_weights(decay),
            optax.scale_by_learning_rate(hyper.learning_rate),
        )

    return make
