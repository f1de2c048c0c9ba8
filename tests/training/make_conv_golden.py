"""Makes conv_golden.npz: what PyTorch does with two networks for images, 20 steps.

    pip install -e ".[bench]"
    python tests/training/make_conv_golden.py

Table 1's CNN of [B21] at width 2 by Adam, and WRN-10-1/4 by momentum with weight decay,
on 48 random images in batches of 12, by cross-entropy. The file holds the images, the
initial weights in our layout, and the loss before each step.
"""

import pathlib

import numpy as np

STEPS, BATCH, EXAMPLES, CLASSES = 20, 12, 48, 3
PATH = pathlib.Path(__file__).with_name("conv_golden.npz")
# Pixels on a side, learning rate.
CASES = {"pooled_cnn": (18, 0.01), "wrn10": (8, 0.05)}
MOMENTUM, WEIGHT_DECAY = 0.9, 5e-4


def make_examples(side):
    """Returns images [48, side, side, 2] whose mean colour tells the class."""
    rng = np.random.default_rng(0)
    labels = np.arange(EXAMPLES) % CLASSES
    images = rng.normal(0, 1, (EXAMPLES, side, side, 2))
    images[..., 0] += labels[:, None, None] - 1
    return images.astype(np.float32), labels.astype(np.int32)


def batches(examples):
    """Returns the STEPS batches, four to a pass, in order."""
    starts = [BATCH * (step % (EXAMPLES // BATCH)) for step in range(STEPS)]
    return [tuple(array[i : i + BATCH] for array in examples) for i in starts]


def make_pooled_cnn(nn):
    """Returns Table 1's CNN at width 2, for images of 18 pixels."""
    layers = [nn.Conv2d(2, 2, 3), nn.ReLU(), nn.MaxPool2d(2)]
    layers += [nn.Conv2d(2, 4, 3), nn.ReLU(), nn.MaxPool2d(2)]
    layers += [nn.Conv2d(4, 4, 3), nn.ReLU(), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, CLASSES))


def make_wrn(nn):
    """Returns WRN-10-1/4, with its layers in the order in which they are applied."""

    class Block(nn.Module):
        def __init__(self, inside, features, stride):
            super().__init__()
            self.norm = nn.BatchNorm2d(inside)
            self.short = nn.Conv2d(inside, features, 1, stride, bias=False)
            self.first = nn.Conv2d(inside, features, 3, stride, 1, bias=False)
            self.inner = nn.BatchNorm2d(features)
            self.last = nn.Conv2d(features, features, 3, 1, 1, bias=False)

        def forward(self, x):
            active = self.norm(x).relu()
            inner = self.inner(self.first(active)).relu()
            return self.short(active) + self.last(inner)

    blocks = [Block(16, 4, 1), Block(4, 8, 2), Block(8, 16, 2)]
    stem = nn.Conv2d(2, 16, 3, 1, 1, bias=False)
    head = [nn.BatchNorm2d(16), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(stem, *blocks, *head, nn.Linear(16, CLASSES))


def our_params(network):
    """Returns a PyTorch network's weights under Flax's names and in our layout."""
    params, counts = {}, {}
    for module in network.modules():
        if not hasattr(module, "weight"):
            continue
        weight = module.weight.detach().numpy().copy()
        kind = {1: "BatchNorm", 2: "Dense", 4: "PatchConv"}[weight.ndim]
        number = counts[kind] = counts.get(kind, -1) + 1
        name = "scale" if kind == "BatchNorm" else "kernel"
        axes = (2, 3, 1, 0) if kind == "PatchConv" else range(weight.ndim)
        leaves = {name: weight.transpose(*axes)}
        if module.bias is not None:
            leaves["bias"] = module.bias.detach().numpy().copy()
        params[f"{kind}_{number}"] = leaves
    return params


def train_torch(case):
    """Returns the initial weights and the losses before each step."""
    import torch
    from torch import nn

    torch.manual_seed(7)
    side, rate = CASES[case]
    network = {"pooled_cnn": make_pooled_cnn, "wrn10": make_wrn}[case](nn)
    params, weights = our_params(network), network.parameters()
    optimizer = (
        torch.optim.Adam(weights, rate)
        if case == "pooled_cnn"
        else torch.optim.SGD(
            weights, rate, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY
        )
    )
    losses = []
    # oneDNN's convolutions differ from call to call on a CPU without AVX-512
    with torch.backends.mkldnn.flags(enabled=False):
        for images, labels in batches(make_examples(side)):
            optimizer.zero_grad()
            outputs = network(torch.from_numpy(images.transpose(0, 3, 1, 2)))
            loss = nn.functional.cross_entropy(outputs, torch.from_numpy(labels).long())
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return params, np.array(losses)


def main():
    content = {}
    for case in CASES:
        params, content[f"{case}/losses"] = train_torch(case)
        for layer, leaves in params.items():
            for leaf, values in leaves.items():
                content[f"{case}/params/{layer}/{leaf}"] = values
    np.savez_compressed(PATH, **content)


if __name__ == "__main__":
    main()
