"""The thresholds that all curves begin above."""

from collections.abc import Sequence

from scaletime_jax.errors import InputError
from scaletime_jax.runs.fields import setting_of
from scaletime_jax.runs.guessing import Level
from scaletime_jax.runs.read import Runs
from scaletime_jax.runs.select import split_table
from scaletime_jax.words import count_of


def later_levels(runs: Runs, levels: Sequence[Level]) -> tuple[list[Level], list[str]]:
    """Returns the levels above which all curves begin, and a sentence on each other.

    Where only the ends of runs are compared, the shortest runs may end below a level,
    which says nothing on when a still shorter run would. Of other runs the loss before
    training counts: with cross-entropy it may be below the loss of guessing by chance.

    Args:
        runs: the runs.
        levels: thresholds of the test loss.

    Raises:
        InputError: curves of ends begin below every level.
    """
    first = runs.table.loc[runs.table.groupby("run_id").epoch.idxmin()]
    total, why = len(first), "because the shortest runs end below it"
    if not runs.joined:
        first, why = first[first.epoch == 0], "before training"
    kept, said = [], []
    for level in levels:
        below = sum(
            int((rows.test_loss < level.loss(rows)).sum())
            for _, rows in split_table(first, (*setting_of(first), "train_size"))
        )
        if not below:
            kept.append(level)
            continue
        what = f"the share {level.share} of the guessing loss removed"
        if level.share is None:
            values = sorted(set(level.losses.values()))
            what = f"the threshold {', '.join(f'{value:.4g}' for value in values)}"
        said.append(
            f"Without {what}: {count_of(below, 'curve')} of {total} begin below it, "
            f"{why}."
        )
    if not kept:
        if not runs.joined:
            return list(levels), []  # refused with the setting of the runs
        raise InputError(
            "the shortest runs end below every threshold; train shorter runs, or give "
            "a lower threshold.",
            steps=None,
        )
    return kept, said
