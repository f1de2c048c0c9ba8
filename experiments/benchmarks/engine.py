"""Seed-steps a second: our engine against a plain PyTorch loop on the same machine.

A seed-step is one batch of 32 for one seed. Ours trains all seeds as lanes on all
cores; PyTorch trains one network in one process on one thread. Both are timed in
turn, round by round, and medians are quoted. Ours includes one evaluation of the
training set at the end of each round; compilation is reported apart.

    pip install -e ".[bench]"
    python experiments/benchmarks/engine.py
"""

import json
import pathlib
import statistics
import sys
import time

import jax
from absl import flags

import scaletime_jax
from scaletime_jax.data.sources import load_dataset
from scaletime_jax.sweep.config import RunConfig
from scaletime_jax.sweep.lanes import (
    lanes_at_once,
    make_lanes,
    make_mesh,
    make_shared_data,
    make_unit,
)
from scaletime_jax.training.optimizers import LEARNING_RATES

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

import cli

CASES = flags.DEFINE_list(
    "cases", "mlp:1,mlp:10,cnn:1,cnn:5", "Networks as architecture:width."
)
OPTIMIZER = flags.DEFINE_list("optimizer", "sgd", "sgd, adam, or both.")
NUM_SEEDS = flags.DEFINE_integer("num_seeds", 10, "Lanes that ours trains at once.")
ROUNDS = flags.DEFINE_integer("rounds", 5, "Timed rounds of each, after one untimed.")
SECONDS = flags.DEFINE_float("seconds", 2.0, "Aimed length of PyTorch's rounds.")
OUTPUT = flags.DEFINE_string("output", None, "JSON file to write.")
TRAIN_SIZE = 320  # ten batches: the closing evaluation is small


class Case:
    """One network and optimizer, to be trained by either engine."""

    def __init__(self, architecture: str, width: int, optimizer: str, dataset):
        self.name = f"{architecture} width {width} {optimizer}"
        self.architecture, self.width, self.optimizer = architecture, width, optimizer
        self.rate, self.dataset = LEARNING_RATES[optimizer], dataset

    def make_torch(self):
        """Returns run(steps), a PyTorch loop on one thread."""
        import numpy as np
        import torch
        import torch_reference as reference

        torch.set_num_threads(1)
        shape = self.dataset.train_images.shape[1:]
        pixels = self.dataset.train_images[:TRAIN_SIZE].transpose(0, 3, 1, 2)
        images = torch.from_numpy(pixels.astype(np.float32) / 127.5 - 1)
        labels = torch.from_numpy(self.dataset.train_labels[:TRAIN_SIZE]).long()
        targets = torch.nn.functional.one_hot(labels, 10).float()
        network = reference.make_network(self.architecture, self.width, shape, 10)
        optimizer = reference.make_optimizer(
            self.optimizer, network.parameters(), self.rate
        )
        return lambda steps: reference.train(network, optimizer, images, targets, steps)

    def make_ours(self, epochs: int):
        """Returns run() for all seeds and the seconds that compiling it took."""
        configs = [
            RunConfig(
                dataset=self.dataset.name,
                fingerprint=self.dataset.fingerprint,
                architecture=self.architecture,
                width=self.width,
                optimizer=self.optimizer,
                learning_rate=self.rate,
                init="pytorch",
                loss="mse",
                train_size=TRAIN_SIZE,
                label_noise=0.0,
                batch_size=32,
                epochs=epochs,
                record="end",
                seed=101 + i,
            )
            for i in range(NUM_SEEDS.value)
        ]
        mesh = make_mesh(len(configs))
        lanes = make_lanes(configs, mesh)
        data = make_shared_data(self.dataset, mesh)
        at_once = lanes_at_once(jax.default_backend())
        unit = make_unit(configs[0], self.dataset.num_classes, mesh, at_once)
        start = time.perf_counter()
        program = jax.jit(unit).lower(lanes, data).compile()
        seconds = time.perf_counter() - start
        return lambda: jax.block_until_ready(program(lanes, data)), seconds


def timed(function, *args) -> float:
    """Returns the seconds a call takes."""
    start = time.perf_counter()
    function(*args)
    return time.perf_counter() - start


def measure(case: Case) -> dict:
    """Times both engines in turn and returns rates, their spread and the ratio."""
    run_torch = case.make_torch()
    run_torch(20)
    step = timed(run_torch, 20) / 20
    steps = max(20, round(SECONDS.value / step))
    # Ours is several times faster a seed-step and does many seeds: as long a round.
    epochs = max(1, round(5 * SECONDS.value / step / NUM_SEEDS.value / 10))
    run_ours, compiling = case.make_ours(epochs)
    run_ours()
    ours, torch_rates = [], []
    for _ in range(ROUNDS.value):
        ours.append(NUM_SEEDS.value * epochs * 10 / timed(run_ours))
        torch_rates.append(steps / timed(run_torch, steps))
    ratios = [a / b for a, b in zip(ours, torch_rates, strict=True)]
    return {
        "case": case.name,
        "ours": statistics.median(ours),
        "ours_range": [min(ours), max(ours)],
        "torch": statistics.median(torch_rates),
        "torch_range": [min(torch_rates), max(torch_rates)],
        "ratio": statistics.median(ratios),
        "ratio_range": [min(ratios), max(ratios)],
        "compile_seconds": compiling,
    }


def main() -> None:
    """Prints a table and writes JSON."""
    import torch

    dataset = load_dataset("mnist12k")
    dataset = dataset._replace(
        test_images=dataset.test_images[:32], test_labels=dataset.test_labels[:32]
    )
    setting = (
        f"{NUM_SEEDS.value} seeds on {jax.local_device_count()} x "
        f"{jax.local_devices()[0].device_kind}, jax {jax.__version__}; PyTorch "
        f"{torch.__version__}, one thread; medians of {ROUNDS.value} rounds"
    )
    print(setting)
    print(f"{'seed-steps a second':24}{'ours':>10}{'PyTorch':>10}{'ratio':>8}  range")
    rows = []
    for text in CASES.value:
        architecture, width = text.split(":")
        for optimizer in OPTIMIZER.value:
            row = measure(Case(architecture, int(width), optimizer, dataset))
            low, high = row["ratio_range"]
            print(
                f"{row['case']:24}{row['ours']:10,.0f}{row['torch']:10,.0f}"
                f"{row['ratio']:8.1f}  {low:.1f} to {high:.1f}; compiled in "
                f"{row['compile_seconds']:.1f} s",
                flush=True,
            )
            rows.append(row)
    if OUTPUT.value:
        version = scaletime_jax.__version__
        record = {"scaletime_jax": version, "setting": setting, "rows": rows}
        pathlib.Path(OUTPUT.value).write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    cli.run(main)
