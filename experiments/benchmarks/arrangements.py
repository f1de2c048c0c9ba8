"""Ways to train many small networks in PyTorch, to find the fastest on the machine.

On a CPU: one process with one thread, one process with all cores, and one process for
each core, with one thread each. On an accelerator: eager, `torch.compile`, and an
ensemble of all seeds by `torch.func`, updated by one optimizer.
"""

import functools
import multiprocessing
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
import torch_reference as reference
from cases import Case

from scaletime_jax.data.sources import Dataset

BATCH = 32


class Arrangement(NamedTuple):
    """One way to train: `run(steps)` -> seconds, in which `seeds` take `steps` each."""

    run: Callable[[int], float]
    seeds: int


def make_arrangements(
    case: Case, data: Dataset, pool, seeds: int, device: str = "cuda"
) -> dict[str, Arrangement]:
    """Returns the possible arrangements by name, after a few first steps.

    An arrangement that needs too much memory, or that PyTorch cannot compile, is left
    out with a message.

    Args:
        case: network and optimizer.
        data: dataset to train on.
        pool: pool of processes; None on an accelerator.
        seeds: number of seeds of an ensemble.
        device: device of an accelerator.
    """
    makers: dict[str, tuple[int, Callable]] = {
        "eager": (1, lambda: _make_loop(case, data, device)),
        "compiled": (1, lambda: _make_loop(case, data, device, compiled=True)),
        f"ensemble of {seeds}": (
            seeds,
            lambda: make_ensemble(case, data, seeds, device),
        ),
    }
    if pool is not None:
        cores = len(pool.pipes)
        makers = {
            "1 thread": (1, lambda: _make_loop(case, data, threads=1)),
            f"{cores} threads": (1, lambda: _make_loop(case, data, threads=cores)),
            f"{cores} processes": (
                cores,
                lambda: pool.make(functools.partial(_make_loop, case, data)),
            ),
        }
    ways = {}
    for name, (number, make) in makers.items():
        try:
            run = make()
            run(4)
        except RuntimeError as error:  # such as out of memory
            reason = str(error).strip().splitlines()[0]
            print(f"{case.name}: PyTorch {name} left out: {reason}", flush=True)
            continue
        ways[name] = Arrangement(run, number)
    return ways


def _tensors(data: Dataset, device: str):
    """Returns normalised images and one-hot targets, or the tokens of a text."""
    if data.is_text:
        tokens = data.train_images.astype(np.int64), data.train_labels.astype(np.int64)
        return tuple(torch.from_numpy(each).to(device) for each in tokens)
    pixels = data.train_images.transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1
    labels = torch.from_numpy(data.train_labels).long()
    targets = torch.nn.functional.one_hot(labels, data.num_classes).float()
    return torch.from_numpy(pixels).to(device), targets.to(device)


def _make_network(case: Case, data: Dataset, device: str):
    shape, classes = data.train_images.shape[1:], data.num_classes
    network = reference.make_network(case.architecture, case.width, shape, classes)
    return network.to(device)


def timed(train: Callable[[int], None], device: str) -> Callable[[int], float]:
    """Returns run(steps) -> seconds of a training loop on a device."""

    def run(steps: int) -> float:
        start = time.perf_counter()
        train(steps)
        if device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start

    return run


def _make_loop(case: Case, data: Dataset, device="cpu", threads=1, compiled=False):
    """Returns a training loop of one network."""
    images, targets = _tensors(data, device)
    network = _make_network(case, data, device)
    parameters = list(network.parameters())
    optimizer = reference.make_optimizer(case.optimizer, parameters, case.learning_rate)
    if compiled:
        network = torch.compile(network)

    def train(steps: int) -> None:
        torch.set_num_threads(threads)
        reference.train(network, optimizer, images, targets, steps, BATCH)

    return timed(train, device)


def make_ensemble(case: Case, data: Dataset, seeds: int, device: str):
    """Returns a training loop of all seeds as one batched network."""
    images, targets = _tensors(data, device)
    networks = [_make_network(case, data, device) for _ in range(seeds)]
    stacked, buffers = torch.func.stack_module_state(networks)
    parameters = list(stacked.values())
    optimizer = reference.make_optimizer(case.optimizer, parameters, case.learning_rate)

    def loss(parameters, buffers, images, targets):
        outputs = torch.func.functional_call(
            networks[0], (parameters, buffers), (images,)
        )
        return reference.mean_loss(outputs, targets)

    losses = torch.func.vmap(loss)

    def train(steps: int) -> None:
        for _ in range(steps):
            index = torch.randint(len(images), (seeds, BATCH), device=device)
            optimizer.zero_grad()
            losses(stacked, buffers, images[index], targets[index]).sum().backward()
            optimizer.step()

    return timed(train, device)


class Pool:
    """One process for each core, with one thread each, that train together."""

    def __init__(self, cores: int):
        context = multiprocessing.get_context("spawn")
        self.pipes, self.workers = [], []
        for _ in range(cores):
            pipe, end = context.Pipe()
            worker = context.Process(target=_work, args=(end,), daemon=True)
            worker.start()
            self.pipes.append(pipe)
            self.workers.append(worker)

    def make(self, make_loop: Callable) -> Callable[[int], float]:
        """Returns run(steps) -> seconds until the last process is done.

        Args:
            make_loop: makes the training loop of a process; can be pickled.
        """
        self._ask(make_loop)

        def run(steps: int) -> float:
            start = time.perf_counter()
            self._ask(steps)
            return time.perf_counter() - start

        return run

    def _ask(self, message) -> None:
        for pipe in self.pipes:
            pipe.send(message)
        for pipe in self.pipes:
            pipe.recv()


def _work(pipe) -> None:
    while True:
        try:
            message = pipe.recv()
        except EOFError:  # the benchmark is over
            return
        if callable(message):
            run = message()
        else:
            run(message)
        pipe.send("done")
