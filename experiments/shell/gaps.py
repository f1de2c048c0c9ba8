"""The missing runs of a grid, with the flags that train them."""

from scaletime_jax.runs.select import Gap
from shell.cli import FLAGS


def describe_gap(gap: Gap) -> str:
    """Returns a sentence with the number of missing runs, and the flags for them."""
    trained = gap.trained_by.items()
    words = " ".join(f"--{FLAGS[name]}={','.join(given)}" for name, given in trained)
    return f"{gap.num_runs} runs of {gap.family} are missing; {words} trains them"
