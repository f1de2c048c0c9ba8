"""What a grid lacks, with the flags that train it."""

from scaletime_jax.runs.select import Gap
from shell.cli import FLAGS


def describe_gap(gap: Gap) -> str:
    """Returns how many runs of a family are missing, and what trains them."""
    trained = gap.trained_by.items()
    words = " ".join(f"--{FLAGS[name]}={','.join(given)}" for name, given in trained)
    return f"{gap.num_runs} runs of {gap.family} are missing; {words} trains them"
