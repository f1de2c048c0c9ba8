"""The missing runs of a grid, with the flags that train them."""

from scaletime_jax.runs.select import Gap
from scaletime_jax.words import count_of
from shell.cli import FLAGS


def describe_gap(gap: Gap) -> str:
    """Returns a sentence with the number of missing runs, and the flags for them."""
    trained = gap.trained_by.items()
    words = " ".join(f"--{FLAGS[name]}={','.join(given)}" for name, given in trained)
    one = gap.num_runs == 1
    missing = f"of {gap.family} {'is' if one else 'are'} missing"
    trains = f"{words} trains {'it' if one else 'them'}"
    return f"{count_of(gap.num_runs, 'run')} {missing}; {trains}"
