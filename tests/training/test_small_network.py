"""BatchNorm, momentum and weight decay against PyTorch, 20 steps of a small network.

The golden numbers are always compared; where PyTorch is installed it is also run live.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from make_small_golden import (
    BATCH,
    CASES,
    MOMENTUM,
    PATH,
    RATE,
    STEPS,
    WEIGHT_DECAY,
    batches,
    train_torch,
)

from scaletime_jax.models.network import from_flax
from scaletime_jax.training.batching import Batch, TrainData, epochs
from scaletime_jax.training.hyper import Hyper
from scaletime_jax.training.optimizers import make_optimizer
from scaletime_jax.training.task import regression
from scaletime_jax.training.train import make_training, make_update

HYPER = Hyper(jnp.float32(RATE), jnp.float32(MOMENTUM), jnp.float32(WEIGHT_DECAY))


class Small(nn.Module):
    """Two layers, with BatchNorm of PyTorch's defaults between them or without."""

    normed: bool

    @nn.compact
    def __call__(self, inputs, train):
        x = nn.Dense(8)(inputs)
        if self.normed:
            statistics = {"momentum": 0.9, "epsilon": 1e-5}
            x = nn.BatchNorm(use_running_average=not train, **statistics)(x)
        return nn.Dense(3)(nn.relu(x))


def read_golden(case):
    with np.load(PATH) as file:
        examples = file["inputs"], file["targets"]
        start = f"{case}/"
        names = [name for name in file.files if name.startswith(start)]
        return examples, {name.removeprefix(start): file[name] for name in names}


def train_ours(case, theirs, examples):
    """Returns the losses before each step and the last Variables."""
    network, task = from_flax(Small(case == "batch_norm")), regression()
    optimizer = make_optimizer("sgd" if case == "batch_norm" else case)
    update = jax.jit(make_update(network, task, optimizer))
    variables = network.init(jax.random.key(0), jnp.asarray(examples[0]))
    params = dict(variables.params)
    for name in ("Dense_0", "Dense_1"):
        params[name] = {k: theirs[f"params/{name}/{k}"] for k in ("kernel", "bias")}
    variables = variables._replace(params=jax.tree.map(jnp.asarray, params))

    @jax.jit
    def batch_loss(variables, batch):
        outputs, _ = network.apply(variables, batch.inputs, True)
        return task.loss(outputs, batch.targets).mean()

    state, losses = optimizer.init(variables.params, HYPER), []
    for pair in batches(examples):
        batch = Batch(*map(jnp.asarray, pair), jnp.full(BATCH, 1 / BATCH))
        losses.append(batch_loss(variables, batch))
        variables, state = update(variables, state, batch, HYPER, 0, STEPS)
    return np.array(losses), variables


@pytest.mark.parametrize("source", ["golden", "live"])
@pytest.mark.parametrize("case", CASES)
def test_twenty_steps_are_pytorchs(case, source):
    examples, theirs = read_golden(case)
    if source == "live":
        pytest.importorskip("torch")
        theirs = train_torch(case, examples)
    losses, variables = train_ours(case, theirs, examples)
    # 20 steps of float32 in another order of sums: measured 1e-6
    np.testing.assert_allclose(losses, theirs["losses"], rtol=2e-5)
    assert losses[-1] < 0.8 * losses[0]  # it did train
    if case == "batch_norm":
        stats = variables.state["batch_stats"]["BatchNorm_0"]
        np.testing.assert_allclose(stats["mean"], theirs["mean"], atol=2e-5)
        # Flax averages the variance over n, PyTorch over n - 1, each from one
        left = 0.9**STEPS
        unbiased = left + (stats["var"] - left) * BATCH / (BATCH - 1)
        np.testing.assert_allclose(unbiased, theirs["var"], rtol=2e-5)


def test_evaluation_uses_the_running_statistics_and_leaves_them():
    examples, theirs = read_golden("batch_norm")
    _, variables = train_ours("batch_norm", theirs, examples)
    network = from_flax(Small(True))
    outputs, after = network.apply(variables, jnp.asarray(examples[0]), False)
    for a, b in zip(jax.tree.leaves(after), jax.tree.leaves(variables), strict=True):
        np.testing.assert_array_equal(a, b)
    first, norm, last = (
        {k: np.asarray(v, float) for k, v in variables.params[name].items()}
        for name in ("Dense_0", "BatchNorm_0", "Dense_1")
    )
    stats = variables.state["batch_stats"]["BatchNorm_0"]
    x = examples[0] @ first["kernel"] + first["bias"]
    x = (x - stats["mean"]) / np.sqrt(np.asarray(stats["var"], float) + 1e-5)
    x = np.maximum(x * norm["scale"] + norm["bias"], 0)
    # float32 sums of a dozen products of order one
    expected = x @ last["kernel"] + last["bias"]
    np.testing.assert_allclose(outputs, expected, atol=1e-5)


def test_segments_carry_the_running_statistics():
    """The whole run and its segments are equal to the last bit, statistics too."""
    inputs, targets = map(jnp.asarray, read_golden("batch_norm")[0])
    data = TrainData(inputs, jnp.arange(len(inputs)), targets, inputs, targets)
    network, optimizer = from_flax(Small(True)), make_optimizer("momentum")
    training = make_training(network, regression(), optimizer, (0, 5, 20), epochs(8))
    advance, given = jax.jit(training.advance), (jax.random.key(0), HYPER, data)
    start = jax.jit(training.init)(*given)
    whole, curves = advance(start, jnp.int32(0), jnp.int32(20), *given)
    state, records = start, []
    for begin, end in ((0, 4), (4, 5), (5, 19), (19, 20)):
        state, part = advance(state, jnp.int32(begin), jnp.int32(end), *given)
        records.append(part.test_loss)
    for a, b in zip(jax.tree.leaves(state), jax.tree.leaves(whole), strict=True):
        np.testing.assert_array_equal(a, b)
    nan = np.nan
    first, second, last = np.asarray(curves.test_loss)
    expected = [[first, nan, nan], [nan, second, nan], [nan] * 3, [nan, nan, last]]
    np.testing.assert_array_equal(records, expected)
    assert advance._cache_size() == 1 and last < first
    assert not np.array_equal(
        *(
            each.variables.state["batch_stats"]["BatchNorm_0"]["mean"]
            for each in (start, whole)
        )
    )
