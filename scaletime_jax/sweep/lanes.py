"""Many runs as lanes of one program: seed x label noise x learning rate x ..."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Key, Num, UInt

from scaletime_jax.models.mlp import MLP
from scaletime_jax.models.mup import in_mup, rate_factors
from scaletime_jax.models.network import Network
from scaletime_jax.models.tangent import make_kernel
from scaletime_jax.runs import fields
from scaletime_jax.sweep.architectures import Module, make_module, make_network
from scaletime_jax.sweep.config import RunConfig
from scaletime_jax.sweep.examples import (
    SharedData,
    Targets,
    make_draw,
    run_keys,
    task_of,
)
from scaletime_jax.sweep.own_network import OwnNetwork
from scaletime_jax.sweep.tuning import Tuning
from scaletime_jax.training.batching import TrainData
from scaletime_jax.training.curves import Curves
from scaletime_jax.training.hyper import Hyper
from scaletime_jax.training.linearised import make_linear_train
from scaletime_jax.training.optimizers import Optimizer, is_adaptive, make_optimizer
from scaletime_jax.training.schedules import Count
from scaletime_jax.training.task import Task
from scaletime_jax.training.train import State, Training, make_training

# The numbers [lanes] in which the runs of a unit differ, by field name.
Lanes = dict[str, UInt[Array, "*lanes"] | Float[Array, "*lanes"]]


WHOLE = ("seed", "part")


class Length(NamedTuple):
    """Train size and evaluation steps of the runs of a unit.

    Attributes:
        train_size: number of examples.
        stops: the steps after which to evaluate, filled up with the last step.
    """

    train_size: Int[Array, ""]
    stops: Int[Array, "records"]


def lanes_at_once(lanes: int, lane_bytes: int, free: int) -> int:
    """Returns the number of lanes that a device trains together, in equal turns.

    Args:
        lanes: number of lanes to train.
        lane_bytes: memory of one lane.
        free: bytes of the device's memory for lanes.
    """
    turns = math.ceil(lanes / max(1, min(lanes, free // lane_bytes)))
    return math.ceil(lanes / turns)


def make_lanes(configs: Sequence[RunConfig], size: int) -> Lanes:
    """Returns the lanes of the configs, filled up to the size with the last lane."""
    padded = [*configs, *[configs[-1]] * (size - len(configs))]
    made = {}
    for name in fields.lanes():
        kind = jnp.uint32 if name in WHOLE else jnp.float32
        made[name] = jnp.array([getattr(config, name) for config in padded], kind)
    return made


def make_hyper(lane: Lanes) -> Hyper:
    """Returns the training numbers of a lane."""
    return Hyper(**{name: lane[name] for name in Hyper._fields})


def make_length(config: RunConfig, records: int) -> Length:
    """Returns the length of the config's runs, for a program with this many records."""
    steps = np.array(config.records)
    stops = np.pad(steps, (0, records - len(steps)), mode="edge")
    return Length(jnp.int32(config.train_size), jnp.asarray(stops, jnp.int32))


class Parts(NamedTuple):
    """What the configs of a family are trained with.

    Attributes:
        module: the Flax module; None for a user's own network.
        network: the network.
        task: the task.
        optimizer: inputs as stored -> Optimizer; only their shape and type are used.
    """

    module: Module | None
    network: Network
    task: Task
    optimizer: Callable[[Num[Array, "population *shape"]], Optimizer]


def make_parts(config: RunConfig, targets: Targets, tuning: Tuning) -> Parts:
    """Returns network, task and optimizer of the configs of this family."""
    ends = targets.num_classes, config.init, tuning.convolution, config.activation
    names = config.architecture, config.width, *ends
    task = task_of(config.loss, targets)
    own = isinstance(config.architecture, OwnNetwork)
    network = plain = make_network(*names)
    if config.parameterisation == "mup":
        base = make_network(config.architecture, config.base_width, *ends)
        network = in_mup(plain, base)

    def optimizer(inputs: Num[Array, "population *shape"]) -> Optimizer:
        factors = None
        if config.parameterisation == "mup":
            adaptive = is_adaptive(config.optimizer)
            factors = rate_factors(plain, base, task.prepare(inputs[:1]), adaptive)
        return make_optimizer(config.optimizer, config.schedule, factors)

    return Parts(None if own else make_module(*names), network, task, optimizer)


class Segment(NamedTuple):
    """A piece of a run, from its state after `begin` steps to that after `end`."""

    begin: Count | np.int32
    end: Count | np.int32


class Program(NamedTuple):
    """The training of lanes together, as two pure functions.

    Attributes:
        init: (lanes, length, data) -> the state before the first step.
        advance: (lanes, length, data, state, segment) -> (state, Curves), as
            `Training.advance`. A segment that begins at 0 begins with `init`, whatever
            state is given. The state of a single lane has no axis of lanes, and neither
            have the counts that all lanes share; the curves always have one.
    """

    init: Callable[[Lanes, Length, SharedData], Any]
    advance: Callable[[Lanes, Length, SharedData, Any, Segment], tuple[Any, Curves]]


def make_lane(
    config: RunConfig, targets: Targets, capacity: int, tuning: Tuning
) -> Program:
    """Returns the training of one lane, lanes[i], for the configs of this family.

    The examples and the training key of a run are drawn from its seed, so a run does
    not depend on the other lanes. A linearised run is one segment, whatever its end.
    """
    module, network, task, optimizer = make_parts(config, targets, tuning)
    draw = make_draw(config, targets, capacity)
    linear = module if config.linearised and isinstance(module, MLP) else None

    def prepare(
        lane: Lanes, length: Length, data: SharedData
    ) -> tuple[Training, Key[Array, ""], Hyper, TrainData]:
        keys = run_keys(lane["seed"])
        drawn = draw(keys.data, lane, length.train_size, data)
        how = drawn.sampler, tuning.evaluation_batch, config.until_test_loss
        descent = optimizer(drawn.data.inputs)
        training = make_training(network, task, descent, length.stops, *how)
        return training, keys.train, make_hyper(lane), drawn.data

    def init(lane: Lanes, length: Length, data: SharedData) -> Any:
        training, key, hyper, examples = prepare(lane, length, data)
        return () if linear is not None else training.init(key, hyper, examples)

    def advance(
        lane: Lanes, length: Length, data: SharedData, state: Any, segment: Segment
    ) -> tuple[Any, Curves]:
        training, key, hyper, examples = prepare(lane, length, data)
        if linear is not None:
            kernel = make_kernel(linear)
            train = make_linear_train(network, kernel, task, length.stops)
            return (), train(key, hyper, examples)
        begin, end = jnp.asarray(segment.begin), jnp.asarray(segment.end)

        def init_now() -> State:
            return training.init(key, hyper, examples)

        state = lax.cond(begin == 0, init_now, lambda: state)
        return training.advance(state, begin, end, key, hyper, examples)

    return Program(init, advance)


def make_program(
    config: RunConfig, targets: Targets, capacity: int, tuning: Tuning
) -> Program:
    """Returns the training of lanes together.

    Args:
        config: any config of the family.
        targets: targets of the dataset.
        capacity: array sizes of the program.
        tuning: choices for the device.
    """
    lane = make_lane(config, targets, capacity, tuning)

    def init(lanes: Lanes, length: Length, data: SharedData) -> Any:
        if lanes["seed"].shape[0] == 1:
            return lane.init(_only(lanes), length, data)
        one = jax.eval_shape(lane.init, _only(lanes), length, data)
        is_shared = jax.tree.map(_is_count, one)
        if config.until_test_loss > 0:  # lanes that have ended take no more steps
            is_shared = jax.tree.map(lambda _: False, one)
        axes = jax.tree.map(lambda shared: None if shared else 0, is_shared)
        return jax.vmap(lane.init, (0, None, None), axes)(lanes, length, data)

    def program(
        lanes: Lanes, length: Length, data: SharedData, state: Any, segment: Segment
    ) -> tuple[Any, Curves]:
        if lanes["seed"].shape[0] > 1:
            axes = jax.tree.map(lambda leaf: 0 if jnp.ndim(leaf) else None, state)
            own = 0, None, None, axes, None
            together = jax.vmap(lane.advance, own, (axes, 0))
            after, curves = together(lanes, length, data, state, segment)
            return after, curves
        # a single lane uses ordinary matrix products, not batches of one
        after, one = lane.advance(_only(lanes), length, data, state, segment)
        return after, Curves(*(values[None] for values in one))

    return Program(init, program)


def blank_state(
    program: Program, lanes: Lanes, length: Length, data: SharedData
) -> Any:
    """Returns a state of zeros, with which a first segment can be called."""
    shapes = jax.eval_shape(program.init, lanes, length, data)
    return jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)


def _is_count(leaf: jax.ShapeDtypeStruct) -> bool:
    """Whether a leaf of a lane's state counts its steps, as those of other lanes."""
    return leaf.ndim == 0 and jnp.issubdtype(leaf.dtype, jnp.integer)


def _only(lanes: Lanes) -> dict[str, Array]:
    """Returns the numbers of a single lane."""
    only: dict[str, Array] = jax.tree.map(lambda values: values[0], lanes)
    return only


def unit_table(
    configs: Sequence[RunConfig], curves: Curves, **shared: float | int
) -> dict[str, np.ndarray]:
    """Returns the columns of the run table for a unit, ordered by lane.

    Args:
        configs: configs of one unit.
        curves: [configs or more, records or more].
        **shared: columns with one value in all rows.
    """
    steps = np.array(configs[0].records)
    runs, records = len(configs), len(steps)
    columns = {
        name: np.repeat([getattr(config, name) for config in configs], records)
        for name in fields.config_columns()
    }
    for name, value in shared.items():
        columns[name] = np.full(runs * records, value)
    columns["step"] = np.tile(steps, runs)
    columns["epoch"] = np.tile(steps / configs[0].per_epoch, runs)
    for name, values in curves._asdict().items():
        columns[name] = np.asarray(values)[:runs, :records].reshape(-1)
    losses = np.asarray(curves.test_loss)[:runs, :records]
    ran = _until(losses, configs[0].until_test_loss).reshape(-1)
    return {name: values[ran] for name, values in columns.items()}


def _until(
    test_loss: Float[np.ndarray, "runs records"], until: float
) -> Bool[np.ndarray, "runs records"]:
    """Returns whether a record is at or before the end of the run at the loss."""
    reached = (test_loss <= until) & (until > 0)
    before: np.ndarray = np.cumsum(reached, axis=1) - reached
    kept: np.ndarray = before == 0
    return kept
