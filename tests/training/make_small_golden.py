"""Makes small_golden.npz: what PyTorch does with one small network, 20 steps.

    pip install -e ".[bench]"
    python tests/training/make_small_golden.py

Two layers, 6 -> 8 -> 3, on 64 examples in batches of 16 by mean squared error: with
BatchNorm by SGD, and without by momentum and AdamW, both with weight decay. The file
holds the examples, the initial weights in our layout, the loss before each step, and
the running statistics after the last one.
"""

import pathlib

import numpy as np

STEPS, BATCH, EXAMPLES = 20, 16, 64
PATH = pathlib.Path(__file__).with_name("small_golden.npz")
CASES = ("batch_norm", "momentum", "adamw")
RATE, MOMENTUM, WEIGHT_DECAY = 0.05, 0.9, 0.1


def make_examples():
    """Returns inputs [64, 6] and real targets [64, 3]."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(1, 2, (EXAMPLES, 6)).astype(np.float32)
    targets = np.sin(inputs[:, :3]) + inputs[:, 3:] / 4
    return inputs, targets.astype(np.float32)


def batches(examples):
    """Returns the STEPS batches, four to a pass, in order."""
    starts = [BATCH * (step % (EXAMPLES // BATCH)) for step in range(STEPS)]
    return [tuple(array[i : i + BATCH] for array in examples) for i in starts]


def train_torch(case, examples):
    """Returns a dict of initial weights, losses, and running statistics if any."""
    import torch
    from torch import nn

    torch.manual_seed(7)
    first, last = nn.Linear(6, 8), nn.Linear(8, 3)
    norm = nn.BatchNorm1d(8) if case == "batch_norm" else nn.Identity()
    network = nn.Sequential(first, norm, nn.ReLU(), last)
    weights = network.parameters()
    optimizer = {
        "batch_norm": lambda: torch.optim.SGD(weights, RATE),
        "momentum": lambda: torch.optim.SGD(
            weights, RATE, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY
        ),
        "adamw": lambda: torch.optim.AdamW(weights, RATE, weight_decay=WEIGHT_DECAY),
    }[case]()
    result = {
        f"params/{name}/{kind}": value.detach().numpy().T.copy()
        for name, layer in (("Dense_0", first), ("Dense_1", last))
        for kind, value in (("kernel", layer.weight), ("bias", layer.bias))
    }
    losses = []
    for inputs, targets in batches(examples):
        optimizer.zero_grad()
        outputs = network(torch.from_numpy(inputs))
        loss = ((outputs - torch.from_numpy(targets)) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    result["losses"] = np.array(losses)
    if case == "batch_norm":
        result["mean"] = norm.running_mean.numpy()
        result["var"] = norm.running_var.numpy()
    return result


def main():
    examples = make_examples()
    content = dict(zip(("inputs", "targets"), examples, strict=True))
    for case in CASES:
        for name, values in train_torch(case, examples).items():
            content[f"{case}/{name}"] = values
    np.savez_compressed(PATH, **content)


if __name__ == "__main__":
    main()
