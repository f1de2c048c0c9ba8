"""The same networks and training step as a plain PyTorch loop, for comparison."""

import itertools

import torch
from torch import nn

from scaletime_jax.models.cnn import CHANNELS, SIZES, STRIDES


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


def make_network(architecture: str, width: int, image_shape, num_classes: int):
    """Returns the network called 'mlp' or 'cnn', with PyTorch's default weights."""
    make = {"mlp": make_mlp, "cnn": make_cnn}[architecture]
    return make(width, image_shape, num_classes)


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
