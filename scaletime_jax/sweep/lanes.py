"""Many runs as lanes of one program: seed x label noise x learning rate."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float, Int, Num, UInt

from scaletime_jax.data.sources import Dataset
from scaletime_jax.data.transforms import add_label_noise, draw_subset
from scaletime_jax.sweep.config import RunConfig, make_model
from scaletime_jax.training.losses import make_loss
from scaletime_jax.training.optimizers import make_optimizer
from scaletime_jax.training.train import Curves, Hyper, TrainData, make_train

# The columns of the run table that a config gives.
CONFIG_COLUMNS = (
    "run_id",
    "dataset",
    "architecture",
    "width",
    "optimizer",
    "learning_rate",
    "init",
    "loss",
    "train_size",
    "label_noise",
    "batch_size",
    "seed",
)


class Lanes(NamedTuple):
    """The numbers in which the runs of a unit differ."""

    seed: UInt[Array, "*lanes"]
    label_noise: Float[Array, "*lanes"]
    learning_rate: Float[Array, "*lanes"]


class SharedData(NamedTuple):
    """A dataset on the device, once for all lanes."""

    train_images: Num[Array, "train *shape"]
    train_labels: Int[Array, "train"]
    test_images: Num[Array, "test *shape"]
    test_labels: Int[Array, "test"]


def make_mesh(num_lanes: int) -> Mesh:
    """Returns a mesh of as many local devices as can have a lane each."""
    devices = jax.local_devices()
    return Mesh(np.array(devices[: max(1, min(len(devices), num_lanes))]), ("lanes",))


def lanes_at_once(backend: str) -> int | None:
    """How many lanes of a shard step together; None for all.

    On a CPU one after the other: their matrix products then are ordinary ones, which
    XLA runs faster than batched ones (measured at 5 lanes a core: 1.2 times for the
    MLP at width 20, 1.3 to 2 for the CNN; equal at small widths). An accelerator is
    kept busy by all together.
    """
    return 1 if backend == "cpu" else None


def make_lanes(configs: Sequence[RunConfig], mesh: Mesh) -> Lanes:
    """Spreads the configs' lanes over the mesh, the last one filling up the shards."""
    padded = [*configs, *[configs[-1]] * (-len(configs) % mesh.size)]
    lanes = Lanes(
        seed=jnp.array([c.seed for c in padded], jnp.uint32),
        label_noise=jnp.array([c.label_noise for c in padded], jnp.float32),
        learning_rate=jnp.array([c.learning_rate for c in padded], jnp.float32),
    )
    return jax.device_put(lanes, NamedSharding(mesh, PartitionSpec("lanes")))


def make_shared_data(dataset: Dataset, mesh: Mesh) -> SharedData:
    """Puts the dataset's arrays on every device of the mesh."""
    arrays = (
        dataset.train_images,
        dataset.train_labels,
        dataset.test_images,
        dataset.test_labels,
    )
    return SharedData(*jax.device_put(arrays, NamedSharding(mesh, PartitionSpec())))


def make_lane(
    config: RunConfig, num_classes: int
) -> Callable[[Lanes, SharedData], Curves]:
    """Returns lane(lanes[i], data) -> Curves for the configs of this shape.

    A run depends on its seed by `fold_in`: it draws the subset, the noise and the
    training key from it, whatever other lanes there are.
    """
    train = make_train(
        make_model(config, num_classes),
        make_loss(config.loss),
        config.schedule,
        make_optimizer(config.optimizer),
        config.batch_size,
    )

    def lane(lane: Lanes, data: SharedData) -> Curves:
        key = jax.random.fold_in(jax.random.key(0), lane.seed)
        subset_key, noise_key, train_key = jax.random.split(key, 3)
        population = data.train_labels.shape[0]
        index = draw_subset(subset_key, population, config.train_size)
        labels = add_label_noise(
            noise_key, data.train_labels[index], lane.label_noise, num_classes
        )
        return train(
            train_key,
            Hyper(lane.learning_rate),
            TrainData(
                data.train_images, index, labels, data.test_images, data.test_labels
            ),
        )

    return lane


def make_unit(
    config: RunConfig, num_classes: int, mesh: Mesh, at_once: int | None
) -> Callable[[Lanes, SharedData], Curves]:
    """Returns unit(lanes, data) -> Curves with a leading axis of lanes.

    Args:
        config: any config of the unit.
        num_classes: of the dataset.
        mesh: one axis 'lanes'; the number of lanes is a multiple of its size.
        at_once: lanes of a shard that step together; None for all (one `vmap`).
    """
    lane = make_lane(config, num_classes)

    def shard(lanes: Lanes, data: SharedData) -> Curves:
        def run(one):
            return lane(one, data)

        if at_once is None:
            return jax.vmap(run)(lanes)
        return jax.lax.map(run, lanes, batch_size=at_once if at_once > 1 else None)

    return jax.shard_map(
        shard,
        mesh=mesh,
        in_specs=(PartitionSpec("lanes"), PartitionSpec()),
        out_specs=PartitionSpec("lanes"),
        check_vma=False,  # a loop's initial state is the same on all shards
    )


def unit_table(
    configs: Sequence[RunConfig], num_params: int, curves: Curves
) -> dict[str, np.ndarray]:
    """Returns the columns of the run table for the unit's configs, lane by lane."""
    steps = np.array(configs[0].schedule)
    per_epoch = steps[-1] / configs[0].epochs
    runs, records = len(configs), len(steps)
    columns = {
        name: np.repeat([getattr(config, name) for config in configs], records)
        for name in CONFIG_COLUMNS
    }
    columns["num_params"] = np.full(runs * records, num_params)
    columns["step"] = np.tile(steps, runs)
    columns["epoch"] = np.tile(steps / per_epoch, runs)
    for name, values in curves._asdict().items():
        columns[name] = np.asarray(values)[:runs].reshape(-1)
    return columns
