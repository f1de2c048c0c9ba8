"""Published learning curves that come with the repository."""

import pathlib

from scaletime_jax.errors import InputError
from scaletime_jax.runs.read import Runs, read_runs
from scaletime_jax.track import Track, quiet

PUBLISHED = ("datablations", "datablations_curves", "gemstones", "olmo_ladder")
FOLDER = pathlib.Path(__file__).parents[2] / "experiments/examples/published"


def load_published(name: str, track: Track = quiet) -> Runs:
    """Returns published learning curves of language models.

        >>> from scaletime_jax import load_published
        >>> runs = load_published("gemstones")
        >>> runs.num_runs, runs.clock.unit
        (22, 'tokens')

    `experiments/examples/published/README.md` has the source, the licence and the
    meaning of each.

    Args:
        name: one of `PUBLISHED`.
        track: shows the progress.

    Raises:
        InputError: the name is unknown, or the package was installed without the
            repository.
    """
    if name not in PUBLISHED:
        names = ", ".join(PUBLISHED)
        raise InputError(f"no published curves are called {name!r}; there are {names}.")
    path = FOLDER / f"{name}.parquet"
    if not path.exists():
        raise InputError(
            f"{path} does not exist: published curves come with the repository, not "
            "with the package; install the repository with pip install -e."
        )
    runs = read_runs(path, track)
    # a summary names the curves, wherever the repository lies
    metadata = [{**unit, "logs": [f"published:{name}"]} for unit in runs.metadata]
    return runs._replace(metadata=metadata)
