"""The time that function space saves in training linearised networks.

    python experiments/benchmarks/linearised.py --output=experiments/results/benchmarks

Full-batch gradient descent of the linearised network on 100 digits, by its tangent
kernel and by `jax.jvp` in its parameters. Both ways take turns in one process, each
compiled beforehand as one program, and must give the same test losses.
"""

import jax
import jax.numpy as jnp
from absl import flags
from features import compare
from theory import cli, report

from scaletime_jax.data.sources import load_dataset, pool_dataset
from scaletime_jax.models.mlp import MLP
from scaletime_jax.models.network import from_flax, linearise
from scaletime_jax.models.tangent import make_kernel
from scaletime_jax.training.batching import TrainData, full_batch
from scaletime_jax.training.hyper import Hyper
from scaletime_jax.training.linearised import make_linear_train
from scaletime_jax.training.optimizers import make_optimizer
from scaletime_jax.training.task import make_task
from scaletime_jax.training.train import make_train

WIDTHS = flags.DEFINE_list("widths", "256,1024", "Widths of two hidden layers.")
STEPS = flags.DEFINE_integer("steps", 500, "Training steps.")
EXAMPLES = flags.DEFINE_integer("examples", 100, "Training examples.")
TESTS = flags.DEFINE_integer("tests", 500, "Test examples.")
RATE = 0.1


def make_data() -> TrainData:
    """Returns a few digits, pooled by 2."""
    digits = pool_dataset(load_dataset("mnist12k"), 2)
    labels = jnp.asarray(digits.train_labels[: EXAMPLES.value])
    tests = digits.test_images[: TESTS.value], digits.test_labels[: TESTS.value]
    images = jnp.asarray(digits.train_images)
    subset = jnp.arange(EXAMPLES.value)
    return TrainData(images, subset, labels, *map(jnp.asarray, tests))


def make_ways(width: int):
    """Returns both ways to train: (key, data) -> test losses at the records."""
    module = MLP(width, 10, "ntk", hidden=2, units=1)
    network, task, hyper = from_flax(module), make_task("mse"), Hyper(RATE)
    records = 0, STEPS.value // 2, STEPS.value
    by_kernel = make_linear_train(network, make_kernel(module), task, records)
    by_jvp = make_train(
        linearise(network), task, make_optimizer("sgd"), records, full_batch()
    )
    return (
        lambda key, data: by_kernel(key, hyper, data).test_loss,
        lambda key, data: by_jvp(key, hyper, data).test_loss,
    )


def main() -> None:
    """Prints and writes the measurements."""
    given = jax.random.key(0), make_data()
    widths = [int(width) for width in WIDTHS.value]
    record = {f"width {width}": compare(make_ways(width), *given) for width in widths}
    report(record, "linearised")


if __name__ == "__main__":
    cli.run(main)
