"""Makes golden.npz: what PyTorch does with given weights on given batches.

    pip install -e ".[bench]"
    PYTHONPATH=experiments/benchmarks python tests/training/make_golden.py

Twenty-four steps of SGD and Adam for the MLP and the CNN at width 1 on the first
packaged digits, every third batch short. The file holds PyTorch's initial weights
(its own default, seed 101) under our names and shapes, and for each optimizer the
loss before every step and the outputs for sixteen test digits after the last.
"""

import pathlib

import numpy as np

from scaletime_jax.data.sources import load_dataset

STEPS = 24
RATES = {"sgd": 0.5, "adam": 0.001}
ARCHITECTURES = ("mlp", "cnn")
PATH = pathlib.Path(__file__).with_name("golden.npz")


def batches(dataset):
    """Returns STEPS pairs of images and labels: 32 examples, or 5 each third time."""
    sizes = [5 if step % 3 == 2 else 32 for step in range(STEPS)]
    ends = np.cumsum(sizes)
    return [
        (dataset.train_images[end - size : end], dataset.train_labels[end - size : end])
        for size, end in zip(sizes, ends, strict=True)
    ]


def probe_images(dataset):
    """Returns the digits whose outputs are compared."""
    return dataset.test_images[:16]


def flax_params(network):
    """Returns a PyTorch network's weights under Flax's names and in its layout."""
    params, counts = {}, {"Dense": 0, "PatchConv": 0}
    for module in network.modules():
        if not hasattr(module, "weight"):
            continue
        weight = module.weight.detach().numpy()
        kind, axes = (
            ("Dense", (0, 1)) if weight.ndim == 2 else ("PatchConv", (2, 3, 1, 0))
        )
        name = f"{kind}_{counts[kind]}"
        counts[kind] += 1
        params[name] = {
            "kernel": weight.transpose(axes).copy(),
            "bias": module.bias.detach().numpy().copy(),
        }
    return params


def train_torch(architecture, optimizer_name, dataset):
    """Returns initial weights, losses before each step, and final outputs."""
    import torch
    import torch_reference as reference

    def pixels(images):
        return (
            torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32)) / 127.5
            - 1
        )

    torch.manual_seed(101)
    network = reference.make_network(architecture, 1, (28, 28, 1), 10)
    params = flax_params(network)
    optimizer = reference.make_optimizer(
        optimizer_name, network.parameters(), RATES[optimizer_name]
    )
    losses = []
    for images, labels in batches(dataset):
        targets = torch.nn.functional.one_hot(torch.from_numpy(labels).long(), 10)
        losses.append(
            reference.train_step(network, optimizer, pixels(images), targets.float())
        )
    with torch.no_grad():
        outputs = network(pixels(probe_images(dataset)))
    return params, np.array(losses), outputs.numpy()


def main():
    dataset = load_dataset("mnist12k")
    content = {}
    for architecture in ARCHITECTURES:
        for optimizer in RATES:
            params, losses, outputs = train_torch(architecture, optimizer, dataset)
            content[f"{architecture}/{optimizer}/losses"] = losses
            content[f"{architecture}/{optimizer}/outputs"] = outputs
        for layer, leaves in params.items():
            for leaf, values in leaves.items():
                content[f"{architecture}/params/{layer}/{leaf}"] = values
    np.savez_compressed(PATH, **content)


if __name__ == "__main__":
    main()
