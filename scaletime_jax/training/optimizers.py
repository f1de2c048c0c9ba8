"""The optimizers of [BF24, C.1], by name."""

from collections.abc import Callable

import optax

OPTIMIZERS = ("sgd", "adam")
# [BF24, C.1] trains with these.
LEARNING_RATES = {"sgd": 0.01, "adam": 0.001}

MakeOptimizer = Callable[..., optax.GradientTransformation]


def make_optimizer(name: str) -> MakeOptimizer:
    """Returns learning_rate -> optax optimizer; the rate may be traced.

    'sgd' has no momentum; 'adam' has beta = 0.9, 0.999 and eps = 1e-8.
    """
    return {"sgd": optax.sgd, "adam": optax.adam}[name]
