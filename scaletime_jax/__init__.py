"""Scale-time equivalence and neural scaling laws, measured and explained in JAX.

From a table of runs to a plan, in three lines:

    from scaletime_jax import plan, read_runs
    runs = read_runs("experiments/examples/sklearn_digits.csv")
    print(plan(runs, budget_flops=1e9))

The names in `__all__` are imported when they are first used. The subpackages `data`,
`models`, `training` and `sweep` make runs, `runs` reads runs, and `stats`, `theory`,
`laws`, `studies` and `plotting` compute results. Papers are cited as [BF24] (Boopathy
& Fiete 2024) and [B21] (Bahri et al. 2021).
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scaletime_jax.answers import backtest, equivalence, plan
    from scaletime_jax.data.sources import load_dataset
    from scaletime_jax.runs.published import load_published
    from scaletime_jax.runs.read import read_runs
    from scaletime_jax.sweep.grid import train_sweep
    from scaletime_jax.sweep.own_network import own_network
    from scaletime_jax.training.train import make_train

__version__ = "0.1.0"
__all__ = [
    "__version__",
    "backtest",
    "equivalence",
    "load_dataset",
    "load_published",
    "make_train",
    "own_network",
    "plan",
    "read_runs",
    "train_sweep",
]
_HOMES = {
    "backtest": "answers",
    "equivalence": "answers",
    "load_dataset": "data.sources",
    "load_published": "runs.published",
    "make_train": "training.train",
    "own_network": "sweep.own_network",
    "plan": "answers",
    "read_runs": "runs.read",
    "train_sweep": "sweep.grid",
}


def __getattr__(name: str) -> Any:
    """Imports a name in `__all__` when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
