"""The summaries of a workdir, with their figures."""

import json
import pathlib

from scaletime_jax.errors import InputError

# In the order of the paper's argument; others follow by name.
ORDER = (
    "linear_tradeoff",
    "subspace",
    "tradeoff",
    "extrapolate",
    "linear_dynamics",
    "data_scaling",
    "label_noise",
    "effective_size",
    "equivalence",
    "backtest",
    "plan",
    "random_features",
    "duality",
)
NEEDED = ("experiment", "title", "caption", "flags", "versions")


def load(workdir: pathlib.Path) -> list[tuple[dict, pathlib.Path]]:
    """Returns summary and figure of each experiment in the workdir, in order.

    Raises:
        InputError: there is none, or one of them is damaged.
    """
    paths = sorted(workdir.glob("*/summary.json"))
    if not paths:
        raise InputError(
            f"--workdir: there is no summary.json in any folder of {workdir}; run an "
            "experiment first, such as python experiments/tradeoff.py "
            f"--workdir={workdir}."
        )
    results = []
    for path in paths:
        try:
            summary = dict(json.loads(path.read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise InputError(f"{path} is not a summary ({error}).") from None
        lacking = [name for name in NEEDED if name not in summary]
        figure = path.parent / f"{path.parent.name}.png"
        if lacking or not figure.is_file():
            what = (
                f"{path} lacks {lacking[0]!r}" if lacking else f"there is no {figure}"
            )
            script = f"experiments/{path.parent.name}.py"
            raise InputError(f"{what}; run {script} again with --workdir={workdir}.")
        results.append((summary, figure))
    place = {name: number for number, name in enumerate(ORDER)}
    return sorted(
        results,
        key=lambda each: place.get(each[0]["experiment"], len(ORDER)),
    )
