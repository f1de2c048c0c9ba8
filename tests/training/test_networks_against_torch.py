"""Table 1's CNN and a wide residual network against PyTorch's, 20 steps.

The golden numbers are always compared; where PyTorch is installed it is also run live.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from make_conv_golden import (
    BATCH,
    CASES,
    CLASSES,
    MOMENTUM,
    PATH,
    STEPS,
    WEIGHT_DECAY,
    batches,
    make_examples,
    train_torch,
)

from scaletime_jax.sweep.architectures import make_network
from scaletime_jax.training.batching import Batch
from scaletime_jax.training.hyper import Hyper
from scaletime_jax.training.optimizers import make_optimizer
from scaletime_jax.training.task import make_task
from scaletime_jax.training.train import make_update

WIDTHS = {"pooled_cnn": 2, "wrn10": 1}


def read_golden(case):
    params: dict = {}
    with np.load(PATH) as file:
        for name in file.files:
            prefix, _, leaf = name.partition("/params/")
            if prefix == case:
                layer, kind = leaf.split("/")
                params.setdefault(layer, {})[kind] = jnp.asarray(file[name])
        return params, file[f"{case}/losses"]


def train_ours(case, params):
    """Returns the losses before each step."""
    side, rate = CASES[case]
    network = make_network(case, WIDTHS[case], CLASSES)
    task = make_task("cross_entropy")
    optimizer = make_optimizer("adam" if case == "pooled_cnn" else "momentum")
    hyper = Hyper(*map(jnp.float32, (rate, MOMENTUM, WEIGHT_DECAY)))
    update = jax.jit(make_update(network, task, optimizer))
    examples = make_examples(side)
    start = network.init(jax.random.key(0), jnp.asarray(examples[0]))
    shapes = [jax.tree.map(jnp.shape, tree) for tree in (start.params, params)]
    assert shapes[0] == shapes[1]
    variables = start._replace(params=jax.tree.map(jnp.asarray, params))

    @jax.jit
    def batch_loss(variables, batch):
        outputs, _ = network.apply(variables, batch.inputs, True)
        return task.loss(outputs, batch.targets).mean()

    state, losses = optimizer.init(variables.params, hyper), []
    for pair in batches(examples):
        batch = Batch(*map(jnp.asarray, pair), jnp.full(BATCH, 1 / BATCH))
        losses.append(batch_loss(variables, batch))
        variables, state = update(variables, state, batch, hyper, 0, STEPS)
    return np.array(losses)


@pytest.mark.filterwarnings("ignore:TF32 acceleration")
@pytest.mark.parametrize("source", ["golden", "live"])
@pytest.mark.parametrize("case", CASES)
def test_twenty_steps_are_pytorchs(case, source):
    if source == "live":
        pytest.importorskip("torch")
    params, losses = read_golden(case) if source == "golden" else train_torch(case)
    # 20 steps of float32 in another order of sums
    np.testing.assert_allclose(train_ours(case, params), losses, rtol=1e-4)
    assert losses[-4:].mean() < 0.8 * losses[:4].mean()  # it did train
