"""The same networks and training step as a plain PyTorch loop, for comparison."""

import itertools

import torch
from torch import nn

from scaletime_jax.models.cnn import CHANNELS, SIZES, STRIDES
from scaletime_jax.models.pooled_cnn import KERNEL, MULTIPLES, UNITS
from scaletime_jax.models.wide_resnet import GROUPS, STEM


def make_mlp(width: int, image_shape: tuple[int, int, int], num_classes: int):
    """Returns the MLP of [BF24, C.1]."""
    height, breadth, channels = image_shape
    sizes = [height * breadth * channels] + [10 * width] * 5
    layers: list[nn.Module] = [nn.Flatten()]
    for fan_in, fan_out in itertools.pairwise(sizes):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], num_classes))


def make_cnn(width: int, image_shape: tuple[int, int, int], num_classes: int):
    """Returns the CNN of [BF24, C.1]; the last kernel covers the remaining pixels."""
    pixels, channels = image_shape[0], image_shape[2]
    layers: list[nn.Module] = []
    for features, size, stride in zip(CHANNELS, SIZES, STRIDES, strict=True):
        size = min(size, pixels)
        layers += [nn.Conv2d(channels, features * width, size, stride), nn.ReLU()]
        pixels, channels = (pixels - size) // stride + 1, features * width
    head = nn.Linear(channels * pixels**2, num_classes)
    return nn.Sequential(*layers, nn.Flatten(), head)


def make_pooled_cnn(width: int, image_shape: tuple[int, int, int], num_classes: int):
    """Returns the CNN of [B21, Table 1], whose first layer has `width` channels."""
    pixels, channels = image_shape[0], image_shape[2]
    layers: list[nn.Module] = []
    for number, multiple in enumerate(MULTIPLES):
        if number:
            layers.append(nn.MaxPool2d(2))
            pixels //= 2
        layers += [nn.Conv2d(channels, multiple * width, KERNEL), nn.ReLU()]
        pixels, channels = pixels - KERNEL + 1, multiple * width
    hidden = [nn.Linear(channels * pixels**2, UNITS), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), *hidden, nn.Linear(UNITS, num_classes))


class Block(nn.Module):
    """A residual block of two convolutions after BatchNorm and ReLU."""

    def __init__(self, inside: int, features: int, stride: int):
        super().__init__()
        self.first_norm, self.last_norm = (
            nn.BatchNorm2d(inside),
            nn.BatchNorm2d(features),
        )
        self.first = nn.Conv2d(inside, features, 3, stride, 1, bias=False)
        self.last = nn.Conv2d(features, features, 3, 1, 1, bias=False)
        changes = stride != 1 or inside != features
        self.short = (
            nn.Conv2d(inside, features, 1, stride, bias=False) if changes else None
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Returns the block's input, or its projection, plus the convolutions."""
        active = self.first_norm(x).relu()
        inner = self.last(self.last_norm(self.first(active)).relu())
        return (x if self.short is None else self.short(active)) + inner


def make_wrn10(width: int, image_shape: tuple[int, int, int], num_classes: int):
    """Returns WRN-10-k, k = width / 4."""
    blocks, inside = [], STEM
    for multiple, stride in GROUPS:
        blocks.append(Block(inside, multiple * width, stride))
        inside = multiple * width
    stem = nn.Conv2d(image_shape[2], STEM, 3, 1, 1, bias=False)
    head = [nn.BatchNorm2d(inside), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(stem, *blocks, *head, nn.Linear(inside, num_classes))


MAKERS = {
    "mlp": make_mlp,
    "cnn": make_cnn,
    "pooled_cnn": make_pooled_cnn,
    "wrn10": make_wrn10,
}


def make_network(architecture: str, width: int, image_shape, num_classes: int):
    """Returns the network of this name, with PyTorch's default weights."""
    return MAKERS[architecture](width, image_shape, num_classes)


def make_optimizer(name: str, parameters, learning_rate: float):
    """Returns 'sgd' without momentum or 'adam' with PyTorch's defaults."""
    make = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[name]
    return make(parameters, lr=learning_rate)


def train_step(network, optimizer, images, targets) -> torch.Tensor:
    """Takes one step on the mean squared error and returns the loss before it."""
    optimizer.zero_grad()
    loss = ((network(images) - targets) ** 2).mean()
    loss.backward()
    optimizer.step()
    return loss.detach()


def train(network, optimizer, images, targets, steps: int, batch_size: int = 32):
    """Trains for a number of steps, reshuffling at each epoch."""
    done = 0
    while done < steps:
        order = torch.randperm(len(images))
        for index in order.split(batch_size):
            if done == steps:
                break
            train_step(network, optimizer, images[index], targets[index])
            done += 1
