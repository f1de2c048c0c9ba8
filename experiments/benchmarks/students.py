"""Steps a second of students of a random teacher [B21, A.1]: ours and PyTorch's.

A student has two hidden layers of 192 units and is trained by Adam on batches of 64
with a cosine schedule. Both sides train many seeds; all candidates take turns in each
round, and medians are reported. Our time includes the start and one evaluation of 200
examples for each seed.

    pip install -e ".[bench]"
    python experiments/benchmarks/students.py --output=experiments/results/benchmarks
"""

import functools
import itertools
import json
import math
import pathlib
import statistics

import engine
import jax
import jax.numpy as jnp
import numpy as np
from absl import flags

from scaletime_jax.data.sources import Dataset, load_dataset
from scaletime_jax.data.teachers import draw_weights, respond
from scaletime_jax.errors import InputError
from scaletime_jax.sweep.grid import paper_grid

cli = engine.cli
DIMENSION = flags.DEFINE_integer("dimension", 4, "Number of inputs.")
STUDENT = flags.DEFINE_integer("student_width", 192, "Units of a hidden layer.")
EXAMPLES, BATCH, RATE = 100, 64, 0.003


def load_teacher() -> Dataset:
    """Returns inputs and teachers."""
    name = f"teacher:d={DIMENSION.value},width=96,pool=1000,test={EXAMPLES}"
    return load_dataset(name)


def make_ours(seeds: int, steps: int):
    """Returns run() -> seconds for all seeds."""
    data = load_teacher()
    configs = paper_grid(
        data,
        architecture="mlp2",
        widths=STUDENT.value,
        train_sizes=EXAMPLES,
        seeds=range(101, 101 + seeds),
        optimizer="adam",
        learning_rates=RATE,
        batch_size=BATCH,
        schedule="cosine",
        steps=steps,
        record="end",
    )
    return engine.make_run(configs, data)[0]


def make_examples() -> tuple[np.ndarray, np.ndarray]:
    """Returns inputs and targets of a teacher."""
    data = load_teacher()
    inputs = data.train_images[:EXAMPLES]
    assert data.teacher is not None
    weights = draw_weights(data.teacher, jax.random.key(0))
    return inputs, np.array(respond(data.teacher, weights, jnp.asarray(inputs)))


def make_loop(examples, width: int, seeds: int = 1, threads: int = 1):
    """Returns run(steps) -> seconds of a PyTorch loop; several seeds as an ensemble."""
    import arrangements
    import torch

    inputs, targets = (torch.from_numpy(each) for each in examples)
    sizes = inputs.shape[1], width, width

    def make_student():
        layers = []
        for before, after in itertools.pairwise(sizes):
            layers += [torch.nn.Linear(before, after), torch.nn.ReLU()]
        return torch.nn.Sequential(*layers, torch.nn.Linear(width, 1))

    students = [make_student() for _ in range(seeds)]
    if seeds == 1:
        parameters = list(students[0].parameters())

        def loss(index):
            return ((students[0](inputs[index]) - targets[index]) ** 2).mean()

    else:
        stacked, buffers = torch.func.stack_module_state(students)
        parameters = list(stacked.values())

        def loss_of_one(parameters, buffers, inputs, targets):
            called = torch.func.functional_call(
                students[0], (parameters, buffers), (inputs,)
            )
            return ((called - targets) ** 2).mean()

        losses = torch.func.vmap(loss_of_one)

        def loss(index):
            return losses(stacked, buffers, inputs[index], targets[index]).sum()

    optimizer = torch.optim.Adam(parameters, lr=RATE)

    def train(steps: int) -> None:
        torch.set_num_threads(threads)
        for step in range(steps):
            cosine = (1 + math.cos(math.pi * step / steps)) / 2
            optimizer.param_groups[0]["lr"] = RATE * cosine
            shape = (BATCH,) if seeds == 1 else (seeds, BATCH)
            index = torch.randint(len(inputs), shape)
            optimizer.zero_grad()
            loss(index).backward()
            optimizer.step()

    return arrangements.timed(train, "cpu")


def measure() -> dict:
    """Times our engine and PyTorch's arrangements in turn."""
    try:
        import arrangements
        import torch
    except ImportError:
        raise InputError(
            'PyTorch, to compare with, is missing; run pip install -e ".[bench]".'
        ) from None
    cores, seeds = jax.local_device_count(), engine.NUM_SEEDS.value
    how = make_examples(), STUDENT.value
    pool = arrangements.Pool(cores)
    theirs = {
        "1 thread": (1, make_loop(*how)),
        f"{cores} threads": (1, make_loop(*how, threads=cores)),
        f"{cores} processes": (cores, pool.make(functools.partial(make_loop, *how))),
        f"ensemble of {seeds}": (seeds, make_loop(*how, seeds=seeds, threads=cores)),
    }
    lengths = {"ours": 100}
    ours = make_ours(seeds, lengths["ours"])
    ours()
    lengths["ours"] = round(engine.SECONDS.value * lengths["ours"] / ours()) + 1
    ours = make_ours(seeds, lengths["ours"])
    ours()
    for name, (_, run) in theirs.items():
        run(10)
        lengths[name] = round(engine.SECONDS.value * 50 / run(50)) + 1
    rates: dict[str, list[float]] = {name: [] for name in lengths}
    for _ in range(engine.ROUNDS.value):
        rates["ours"].append(seeds * lengths["ours"] / ours())
        for name, (number, run) in theirs.items():
            rates[name].append(number * lengths[name] / run(lengths[name]))
    best = max(theirs, key=lambda name: statistics.median(rates[name]))
    pairs = zip(rates["ours"], rates[best], strict=True)
    return {
        "setting": f"{engine.describe_machine()}, PyTorch {torch.__version__}",
        "dimension": DIMENSION.value,
        "width": STUDENT.value,
        "best": best,
        "ratio": engine.spread([mine / other for mine, other in pairs]),
        "rates": {name: engine.spread(values) for name, values in rates.items()},
    }


def main() -> None:
    """Prints the rates and writes students.json."""
    record = measure()
    print(record["setting"])
    for name, each in record["rates"].items():
        print(f"{name:16}{each['median']:10,.0f} steps a second")
    low, high = record["ratio"]["range"]
    median = record["ratio"]["median"]
    print(f"ours over {record['best']}: {median:.1f} ({low:.1f} to {high:.1f})")
    if engine.OUTPUT.value:
        folder = pathlib.Path(engine.OUTPUT.value)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "students.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    cli.run(main)
