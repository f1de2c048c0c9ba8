"""How far a step of training descends, and the factors of the descent."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, Key

from scaletime_jax.models.network import Network, Variables
from scaletime_jax.training.batching import Sampler, TrainData
from scaletime_jax.training.hyper import Hyper
from scaletime_jax.training.optimizers import Optimizer
from scaletime_jax.training.task import Task
from scaletime_jax.training.train import State, make_training

Descend = Callable[[Key[Array, ""], Hyper, TrainData], "Descents"]


class Descents(NamedTuple):
    """Numbers of single steps, measured on the test examples before the step.

    With the gradients g_i of the loss of single examples, their mean g, and the change
    d of the parameters in the step, the test loss falls to first order by

        -g . d = |g| |d| cos(g, -d),        |g|^2 = coherence mean_i |g_i|^2,

    and by rate |g|^2 where d = -rate g. The effective number of directions in which
    examples change the parameters is the participation ratio of the Gram matrix
    G_ij = g_i . g_j, tr(G)^2 / tr(G^2).

    The tangent kernel of one output is Theta_ij = J_i . J_j, where J_i is the gradient
    of u . f(x_i) and u a random direction of length 1 among the outputs, the same for
    all steps. The centred kernel H Theta H, H = 1 - 1 1^T / n, is the part that differs
    from example to example: an output's mean is learned in a few steps.

    Attributes:
        loss: mean loss.
        descent: -g . d; negative where the step is uphill.
        gradient: |g|^2.
        change: |d|^2.
        single: mean over examples of |g_i|^2.
        dimension: tr(G)^2 / tr(G^2), from 1 to the number of examples.
        square: mean over examples of |J_i|^2, the squared Jacobian of one output.
        top: largest eigenvalue of the centred kernel, divided by the number of
            examples.
    """

    loss: Float[Array, "*steps"]
    descent: Float[Array, "*steps"]
    gradient: Float[Array, "*steps"]
    change: Float[Array, "*steps"]
    single: Float[Array, "*steps"]
    dimension: Float[Array, "*steps"]
    square: Float[Array, "*steps"]
    top: Float[Array, "*steps"]


def make_descend(
    network: Network,
    task: Task,
    optimizer: Optimizer,
    steps: Sequence[int],
    total: int,
    sampler: Sampler,
) -> Descend:
    """Returns descend(key, hyper, data) -> Descents of chosen steps of a run.

    The run is that of `make_train` with the same arguments. Memory is that of one
    gradient of the parameters for each test example.

    Args:
        network: the network.
        task: the task.
        optimizer: the optimizer.
        steps: increasing numbers of steps, from 0 to total - 1, after which the next
            step is measured.
        total: length of the run in steps.
        sampler: rule for the batch of each step.
    """
    training = make_training(network, task, optimizer, (total,), sampler)
    measure = make_measure(network, task)

    def descend(key: Key[Array, ""], hyper: Hyper, data: TrainData) -> Descents:
        direction_key = jax.random.fold_in(key, total)

        def advance(state: State, begin: Array, end: Array) -> State:
            return training.advance(state, begin, end, key, hyper, data)[0]

        def measure_step(
            carried: tuple[State, Int[Array, ""]], step: Int[Array, ""]
        ) -> tuple[tuple[State, Int[Array, ""]], Descents]:
            before = advance(*carried, step)
            after = advance(before, step, step + 1)
            change = jax.tree.map(
                jnp.subtract, after.variables.params, before.variables.params
            )
            found = measure(before.variables, change, data, direction_key)
            return (after, step + 1), found

        first = training.init(key, hyper, data), jnp.int32(0)
        return lax.scan(measure_step, first, jnp.asarray(steps, jnp.int32))[1]

    return descend


def make_measure(
    network: Network, task: Task
) -> Callable[[Variables, Any, TrainData, Key[Array, ""]], Descents]:
    """Returns measure(variables, change, data, key) -> Descents of one step.

    `change` is that of the parameters; the key is of the direction u.
    """

    def measure(
        variables: Variables, change: Any, data: TrainData, key: Key[Array, ""]
    ) -> Descents:
        inputs = task.prepare(data.test_inputs)

        def output(params: Any, x: Array) -> Array:
            now = Variables(params, variables.state)
            return network.apply(now, x[None], False)[0]

        def loss(params: Any, x: Array, target: Array) -> Array:
            return task.loss(output(params, x), target[None])[0]

        def project(params: Any, x: Array) -> Array:
            values = output(params, x).reshape(-1)
            u = jax.random.normal(key, values.shape)
            along_u: Array = u @ values / jnp.linalg.norm(u)
            return along_u

        slope = jax.vmap(jax.value_and_grad(loss), (None, 0, 0))
        losses, rows = slope(variables.params, inputs, data.test_targets)
        leaves = [leaf.reshape(len(losses), -1) for leaf in jax.tree.leaves(rows)]
        moves = [leaf.reshape(-1) for leaf in jax.tree.leaves(change)]
        gram = _gram(rows)
        pairs = zip(leaves, moves, strict=True)
        along = sum((leaf @ move for leaf, move in pairs), jnp.zeros(len(losses)))
        kernel = _gram(jax.vmap(jax.grad(project), (None, 0))(variables.params, inputs))
        across = kernel - kernel.mean(axis=0)
        centred = across - across.mean(axis=1)[:, None]
        return Descents(
            loss=losses.mean(),
            descent=-along.mean(),
            gradient=gram.mean(),
            change=sum((move @ move for move in moves), jnp.zeros(())),
            single=jnp.trace(gram) / len(losses),
            dimension=jnp.trace(gram) ** 2 / jnp.sum(gram**2),
            square=jnp.trace(kernel) / len(losses),
            top=jnp.linalg.eigvalsh(centred)[-1] / len(losses),
        )

    return measure


def _gram(rows: Any) -> Float[Array, "n n"]:
    """Returns the products of the rows, whose parts are a pytree of [n, ...]."""
    leaves = [leaf.reshape(leaf.shape[0], -1) for leaf in jax.tree.leaves(rows)]
    return sum((leaf @ leaf.T for leaf in leaves), jnp.zeros((len(leaves[0]),) * 2))
