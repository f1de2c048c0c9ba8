"""The tangent kernels of networks at the start, of several widths."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from scaletime_jax.arguments import require, require_least
from scaletime_jax.data.sources import Dataset, load_dataset, pool_dataset
from scaletime_jax.data.transforms import normalise
from scaletime_jax.models.initializers import INITS
from scaletime_jax.models.network import Network
from scaletime_jax.models.start_kernel import count_params, make_start_kernel
from scaletime_jax.runs.read import Runs
from scaletime_jax.stats.kernel_spectra import measure_kernel
from scaletime_jax.studies.kernel_scale import Case, Theory
from scaletime_jax.sweep.architectures import (
    ARCHITECTURES,
    MLPS,
    check_images,
    is_mlp,
    make_network,
)
from scaletime_jax.sweep.own_network import OWN, OwnNetwork, read_own
from scaletime_jax.theory.kernel_scale import draw_layers, kernel_scale
from scaletime_jax.track import Track, quiet

PACKAGED, EXAMPLES = "mnist12k", 40  # inputs of the kernels of runs
MOST_WIDTH = 10_000  # to which theory is continued
POINTS = 60


class Asked(NamedTuple):
    """One network to measure.

    Attributes:
        architecture: its name.
        init: its initialisation.
        widths: ascending.
    """

    architecture: str
    init: str
    widths: Sequence[int]

    @property
    def title(self) -> str:
        """The network in words, with its source and widths."""
        source = getattr(self.architecture, "source", "ours")
        widths = "-".join(map(str, self.widths))
        return f"{self.architecture}-{source}-{self.init}-{widths}"

    def network(self, width: int, num_outputs: int) -> Network:
        """Returns the network of a width."""
        if isinstance(self.architecture, OwnNetwork):
            return self.architecture.network(width, num_outputs)
        return make_network(self.architecture, width, num_outputs, self.init)


def choose_inputs(dataset: Dataset, count: int) -> jax.Array:
    """Returns the first training examples, as a network takes them."""
    return normalise(jnp.asarray(dataset.train_images[:count]))


def choose(
    names: Sequence[tuple[str, str]],
    widths: Sequence[int],
    inputs: jax.Array,
    dataset: Dataset,
    most: float,
) -> list[Asked]:
    """Returns the networks to measure, without those above a number of parameters.

    Args:
        names: pairs of an architecture, or a user's own, and an initialisation; a
            user's own network has one initialisation, whatever is given.
        widths: ascending.
        inputs: [n, ...].
        dataset: of the inputs.
        most: largest number of parameters.

    Raises:
        InputError: a name is unknown, a network cannot take the inputs, or fewer than
            two widths are left.
    """
    asked: dict[str, Asked] = {}
    for name, init in names:
        network = read_own(name, ARCHITECTURES)
        own = isinstance(network, OwnNetwork)
        if not own:
            known = network in ARCHITECTURES
            require(known, f"unknown architecture {str(network)!r}.")
            require(init in INITS, f"unknown init {init!r}; choose {', '.join(INITS)}.")
            check_images(network, inputs.shape[1:], dataset.name)
        every = Asked(network, OWN if own else init, widths)
        kept = [
            width
            for width in widths
            if count_params(every.network(width, dataset.num_classes), inputs) <= most
        ]
        require(len(kept) > 1, f"widths: give {network} two or more sizes.")
        few = every._replace(widths=kept)
        asked[few.title] = few
    return [*asked.values()]


class Measured(NamedTuple):
    """Numbers of kernels, as in `studies.kernel_scale.Case`.

    Attributes:
        num_params: [sizes].
        square: [sizes, draws].
        top: [sizes, draws].
        dimension: [sizes, draws].
    """

    num_params: np.ndarray
    square: np.ndarray
    top: np.ndarray
    dimension: np.ndarray


def measure_kernels(
    networks: Iterable[Network], inputs: jax.Array, draws: int, seed: int = 0
) -> Measured:
    """Returns the numbers of the kernels of newly drawn networks of several sizes.

    `stats.log_means.neighbour_slopes(num_params, top)` gives the kappa that the lazy
    regime has between neighbouring sizes at one learning rate, with intervals.

    Args:
        networks: one of each size.
        inputs: [n, ...] as the networks take them.
        draws: initialisations of each network.
        seed: of the initialisations.
    """
    sizes, found = [], []
    keys = jax.random.split(jax.random.key(seed), draws)
    for network in networks:
        kernel = jax.jit(make_start_kernel(network, inputs))
        sizes.append(count_params(network, inputs))
        found.append([measure_kernel(np.asarray(kernel(key))) for key in keys])
    square, top, dimension = np.moveaxis(np.array(found), 2, 0)
    return Measured(np.array(sizes), square, top, dimension)


def of_runs(runs: Runs, draws: int, track: Track) -> list[tuple[str, Case]]:
    """Returns kernels of the networks of runs by SGD, with the dataset of each.

    Only the packaged digits, whole or pooled, are at hand wherever runs are read; the
    networks on other data, and a user's own, have no kernels here.

    Args:
        runs: of any protocols.
        draws: initialisations of each size, 2 or more; 0 for no kernels.
        track: shows the progress.
    """
    if not draws:
        return []
    require_least("--kernel_draws", draws, 2)
    table = runs.table[runs.table.optimizer == "sgd"]
    found = []
    for names, rows in table.groupby(["dataset", "architecture", "init"]):
        name, architecture, init = map(str, names)
        whole, pooled, side = name.partition("-pool")
        known = whole == PACKAGED and side.isdigit() == bool(pooled)
        if not known or architecture not in ARCHITECTURES or init not in INITS:
            continue
        dataset = load_dataset(PACKAGED)
        if pooled:
            dataset = pool_dataset(dataset, int(side))
        inputs = choose_inputs(dataset, EXAMPLES)
        asked = Asked(architecture, init, sorted(rows.width.unique().tolist()))
        case = measure_case(asked, inputs, dataset.num_classes, draws, track=track)
        found.append((name, case))
    return found


def measure_case(
    asked: Asked,
    inputs: jax.Array,
    num_outputs: int,
    draws: int,
    seed: int = 0,
    track: Track = quiet,
) -> Case:
    """Returns the numbers of a network's kernels, with theory where there is one.

    Args:
        asked: the network.
        inputs: [n, ...].
        num_outputs: number of its outputs.
        draws: initialisations of each width.
        seed: of the initialisations.
        track: shows the progress.
    """
    widths = track(asked.widths, f"widths of {asked.architecture} {asked.init}")
    networks = (asked.network(width, num_outputs) for width in widths)
    return Case(
        str(asked.architecture),
        asked.init,
        np.array(asked.widths),
        *measure_kernels(networks, inputs, draws, seed),
        theory=theory_of(asked, inputs, num_outputs),
    )


def theory_of(asked: Asked, inputs: jax.Array, num_outputs: int) -> Theory | None:
    """Returns the mean squared derivative of an MLP in theory; None for the others."""
    if not is_mlp(asked.architecture):
        return None
    hidden, units = MLPS[asked.architecture]
    flat = np.asarray(inputs, float).reshape(len(inputs), -1)
    norm = float(np.mean(np.sum(flat**2, axis=1)))

    def scale(width: int) -> tuple[int, float]:
        sizes = [flat.shape[1], *[units * width] * hidden, num_outputs]
        found = kernel_scale(norm, sizes, draw_layers(asked.init, sizes))
        return found.num_params, float(found.total)

    widths = np.unique(np.geomspace(min(asked.widths), MOST_WIDTH, POINTS).astype(int))
    num_params, square = zip(*map(scale, map(int, widths)), strict=True)
    at_sizes = [scale(width)[1] for width in asked.widths]
    return Theory(np.array(num_params), np.array(square), np.array(at_sizes))
