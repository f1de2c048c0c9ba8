"""Seed-steps a second: our engine, PyTorch's best arrangement, and the machine's limit.

A seed-step is one batch of 32 for one seed. All candidates take turns in each round,
and medians are reported; the ratio is our rate over the rate of the best arrangement in
the same round. Our time includes the start and one evaluation of 128 images for each
lane; compilation is reported separately. The limit is the lower of two roofs: measured
float32 matrix products, and measured bandwidth for the least bytes that a step moves.
An example of the transformer is a window of 64 tokens.

    pip install -e ".[bench]"
    python experiments/benchmarks/engine.py --output=experiments/results/benchmarks

On an accelerator use `accelerator.py`, which calls this module with suitable lanes and
widths.
"""

import json
import math
import pathlib
import statistics
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags

import scaletime_jax
from scaletime_jax.data.sources import Dataset, load_dataset
from scaletime_jax.errors import InputError
from scaletime_jax.plotting.benchmarks import plot_roofline
from scaletime_jax.plotting.style import save_figure
from scaletime_jax.sweep.architectures import make_network, reads_tokens
from scaletime_jax.sweep.config import RunConfig
from scaletime_jax.sweep.cost import network_cost
from scaletime_jax.sweep.grid import make_grid
from scaletime_jax.sweep.plan import plan_units, split
from scaletime_jax.sweep.programs import Programs
from scaletime_jax.sweep.queues import Queue
from scaletime_jax.sweep.runner import deal
from scaletime_jax.sweep.tuning import make_tuning

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

import machine
from cases import make_case
from shell import cli

CASES = flags.DEFINE_list(
    "cases",
    "mlp:1,mlp:2,mlp:5,mlp:10,mlp:20,mlp:50,cnn:1,cnn:2,cnn:5,cnn:10",
    "Networks as architecture:width.",
)
OPTIMIZER = flags.DEFINE_list("optimizer", "sgd,adam", "sgd, adam, or both.")
NUM_SEEDS = flags.DEFINE_integer("num_seeds", 10, "Largest number of our lanes.")
ROUNDS = flags.DEFINE_integer("rounds", 5, "Timed rounds, after one untimed round.")
SECONDS = flags.DEFINE_float("seconds", 2.0, "Target duration of a round in seconds.")
OUTPUT = flags.DEFINE_string("output", None, "Folder for JSON, table and figure.")
TRAIN_SIZE = 128  # four batches: the closing evaluation is small
TEST_SIZE = 32
CONTEXT, TOKENS = 64, 64
LEAST_STEPS = 100  # steps of a lane in a round, so that start and evaluation are small


def load_digits() -> Dataset:
    """Returns the training digits."""
    digits = load_dataset("mnist12k")
    return digits._replace(
        train_images=digits.train_images[:TRAIN_SIZE],
        train_labels=digits.train_labels[:TRAIN_SIZE],
        test_images=digits.test_images[:TEST_SIZE],
        test_labels=digits.test_labels[:TEST_SIZE],
    )


def load_data(case) -> Dataset:
    """Returns the examples of a case: digits, or random tokens of 64 kinds."""
    if not reads_tokens(case.architecture):
        return load_digits()
    rng = np.random.default_rng(0)
    shape = 2, TRAIN_SIZE + TEST_SIZE, CONTEXT
    inputs, targets = rng.integers(0, TOKENS, shape)
    inputs, targets = inputs.astype(np.uint8), targets.astype(np.int32)
    parts = slice(TRAIN_SIZE), slice(TRAIN_SIZE, None)
    train, test = ((inputs[part], targets[part]) for part in parts)
    return Dataset("tokens", *train, *test, TOKENS, "tokens", is_text=True)


def make_configs(case, data: Dataset, seeds: int, epochs: int) -> list[RunConfig]:
    """Returns the runs of a case."""
    return make_grid(
        data,
        architecture=[case.architecture],
        width=[case.width],
        optimizer=[case.optimizer],
        learning_rate=[case.learning_rate],
        init=["pytorch"],
        loss=["cross_entropy" if data.is_text else "mse"],
        train_size=[TRAIN_SIZE],
        label_noise=[0.0],
        batch_size=[32],
        epochs=[epochs],
        record=["end"],
        seed=range(101, 101 + seeds),
    )


def make_ours(case, data: Dataset, seeds: int, epochs: int, **choices):
    """Returns run() -> seconds for all seeds, and the seconds of compilation."""
    return make_run(make_configs(case, data, seeds, epochs), data, **choices)


def make_run(configs: list[RunConfig], data: Dataset, **choices):
    """Returns run() -> seconds for runs of one shape, and those of compilation.

    `choices` replace the choices of `sweep.tuning`.
    """
    [unit] = plan_units(configs, {data.name: data})
    unit = unit._replace(tuning=unit.tuning._replace(**choices))
    devices = jax.local_devices()
    parts = split(unit, len(devices))
    programs = [Programs(device) for device in devices[: len(parts)]]
    compiling = programs[0].train(parts[0], data).times.compiling

    def run() -> float:
        start = time.perf_counter()
        list(deal(Queue(parts), programs, {data.name: data}))
        return time.perf_counter() - start

    return run, compiling


def choose_lanes(case, data: Dataset) -> tuple[int, int]:
    """Returns lanes and epochs for a round of about SECONDS.

    If lanes take turns, the number of lanes allows LEAST_STEPS for each, with at least
    one lane for each device; else all lanes are trained.
    """
    in_turn = make_tuning(jax.default_backend()).lanes_in_turn
    devices, per_epoch = jax.local_device_count(), TRAIN_SIZE // 32
    lanes, epochs = (devices if in_turn else NUM_SEEDS.value), 2
    run, _ = make_ours(case, data, lanes, epochs)
    run()
    steps = lanes * epochs * per_epoch / run() * SECONDS.value
    if in_turn:
        lanes = min(NUM_SEEDS.value, int(steps / LEAST_STEPS))
        lanes = max(devices, lanes - lanes % devices)
    return lanes, max(1, round(steps / lanes / per_epoch))


def spread(values: list[float]) -> dict:
    """Returns median, least and most."""
    return {"median": statistics.median(values), "range": [min(values), max(values)]}


def step_cost(case, data: Dataset) -> tuple[int, int]:
    """Returns the flops of a seed-step and the least bytes it moves.

    Weights are read in the forward and the backward pass and written. Adam reads and
    writes two more numbers for each weight. Pixels are read. All other numbers can stay
    in a cache.
    """
    config = make_configs(case, data, 1, 1)[0]
    network = make_network(config.architecture, config.width, data.num_classes)
    kind = jnp.int32 if data.is_text else jnp.float32
    cost = network_cost(network, data.train_images.shape[1:], input_type=kind)
    numbers = {"sgd": 3, "adam": 7}[case.optimizer] * cost.all_params
    moved = 4 * numbers + 32 * data.train_images[0].nbytes
    return 32 * cost.step_flops, moved


def measure(case, data: Dataset, pool, roofs: dict) -> dict:
    """Times our engine and PyTorch's arrangements in turn."""
    import arrangements

    theirs = arrangements.make_arrangements(case, data, pool, NUM_SEEDS.value)
    steps = {
        name: max(4, round(SECONDS.value / (way.run(4) / 4)))
        for name, way in theirs.items()
    }
    lanes, epochs = choose_lanes(case, data)
    ours, compiling = make_ours(case, data, lanes, epochs)
    ours()
    rates: dict[str, list[float]] = {"ours": [], **{name: [] for name in theirs}}
    for _ in range(ROUNDS.value):
        rates["ours"].append(lanes * epochs * TRAIN_SIZE / 32 / ours())
        for name, way in theirs.items():
            rates[name].append(way.seeds * steps[name] / way.run(steps[name]))
    best = max(theirs, key=lambda name: statistics.median(rates[name]))
    flops, moved = step_cost(case, data)
    speed = statistics.median(rates["ours"])
    roof = min(roofs["flops"], roofs["bytes"] * flops / moved)
    return {
        "case": case.name,
        **case._asdict(),
        "lanes": lanes,
        "best": best,
        "ratio": spread(
            [a / b for a, b in zip(rates["ours"], rates[best], strict=True)]
        ),
        "rates": {name: spread(values) for name, values in rates.items()},
        "compile_seconds": compiling,
        "flops_a_step": flops,
        "bytes_a_step": moved,
        "flops_a_second": speed * flops,
        "share_of_roof": speed * flops / roof,
    }


def table(record: dict) -> str:
    """Returns the rows as a Markdown table."""
    lines = [
        "| network | ours | PyTorch's best | ratio (range) | GFLOP/s, share of roof "
        "| compiled in |",
        "|---|---|---|---|---|---|",
    ]
    for row in record["rows"]:
        low, high = row["ratio"]["range"]
        lines.append(
            f"| {row['case']} | {row['rates']['ours']['median']:,.0f} "
            f"| {row['rates'][row['best']]['median']:,.0f} ({row['best']}) "
            f"| {row['ratio']['median']:.1f} ({low:.1f} to {high:.1f}) "
            f"| {row['flops_a_second'] / 1e9:.0f}, {row['share_of_roof']:.0%} "
            f"| {row['compile_seconds']:.1f} s |"
        )
    return "\n".join(lines)


def describe_machine() -> str:
    """Returns devices, JAX's version and the number of rounds."""
    device = jax.local_devices()[0].device_kind
    name = machine.processor() if device == "cpu" else device
    return (
        f"{jax.local_device_count()} x {name}, JAX {jax.__version__}, "
        f"{ROUNDS.value} rounds"
    )


def run_cases(until: float = math.inf) -> dict:
    """Measures every case and returns the record.

    No case is begun after `until`, by `time.monotonic`; skipped cases are printed.
    """
    cases = [make_case(t, o) for t in CASES.value for o in OPTIMIZER.value]
    try:
        import arrangements
        import torch
    except ImportError:
        raise InputError(
            'PyTorch, to compare with, is missing; run pip install -e ".[bench]".'
        ) from None
    jax.config.update("jax_enable_compilation_cache", False)  # compilation is timed too
    roofs = {"flops": machine.matmul_rate(), "bytes": machine.bandwidth()}
    setting = (
        f"{describe_machine()}, PyTorch {torch.__version__}; "
        f"{roofs['flops'] / 1e9:,.0f} GFLOP/s of float32 matrix products, "
        f"{roofs['bytes'] / 1e9:,.0f} GB/s"
    )
    print(setting, flush=True)
    on_cpu = jax.default_backend() == "cpu"
    pool = arrangements.Pool(jax.local_device_count()) if on_cpu else None
    rows = []
    for case in cases:
        if time.monotonic() > until:
            print(f"no time for {case.name}", flush=True)
            continue
        rows.append(measure(case, load_data(case), pool, roofs))
        print(table({"rows": rows[-1:]}).splitlines()[-1], flush=True)
    version = scaletime_jax.__version__
    return {"scaletime_jax": version, "setting": setting, "roofs": roofs, "rows": rows}


def write(folder: pathlib.Path, record: dict) -> None:
    """Writes engine.json, engine.md and the roofline figure."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "engine.json").write_text(json.dumps(record, indent=1) + "\n")
    text = f"{record['setting']}.\n\n{table(record)}\n"
    (folder / "engine.md").write_text(text)
    save_figure(plot_roofline(record), folder / "roofline")


def main() -> None:
    """Prints a table and writes JSON, table and figure."""
    record = run_cases()
    if OUTPUT.value:
        write(pathlib.Path(OUTPUT.value), record)


if __name__ == "__main__":
    cli.run(main)
