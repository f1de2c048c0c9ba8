"""The same networks and training step as a plain PyTorch loop, for comparison."""

import itertools
from collections.abc import Callable

import torch
from torch import nn

from scaletime_jax.models.cnn import CHANNELS, SIZES, STRIDES
from scaletime_jax.models.pooled_cnn import KERNEL, MULTIPLES, UNITS
from scaletime_jax.models.transformer import BASE, DEPTH, EPSILON, EXPANSION, HEAD, UNIT
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


class Attention(nn.Module):
    """Causal attention with rotary positions."""

    cos: torch.Tensor
    sin: torch.Tensor

    def __init__(self, channels: int, length: int):
        super().__init__()
        self.mix = nn.Linear(channels, 3 * channels, bias=False)
        self.project = nn.Linear(channels, channels, bias=False)
        rates = BASE ** (-torch.arange(HEAD // 2) / (HEAD // 2))
        angles = torch.arange(length)[:, None] * rates
        self.register_buffer("cos", angles.cos())
        self.register_buffer("sin", angles.sin())

    def rotate(self, x: torch.Tensor) -> torch.Tensor:
        """Rotates the halves of [..., length, HEAD] as pairs, by position."""
        first, second = x.chunk(2, -1)
        turned = (
            first * self.cos - second * self.sin,
            second * self.cos + first * self.sin,
        )
        return torch.cat(turned, -1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Returns the projected means of values, [batch, length, channels]."""
        batch, length, channels = x.shape
        mixed = self.mix(x).view(batch, length, 3, channels // HEAD, HEAD)
        queries, keys, values = mixed.permute(2, 0, 3, 1, 4)
        attended = nn.functional.scaled_dot_product_attention(
            self.rotate(queries), self.rotate(keys), values, is_causal=True
        )
        return self.project(attended.transpose(1, 2).reshape(x.shape))


class Transformer(nn.Module):
    """The transformer of `models.transformer`."""

    def __init__(self, width: int, length: int, num_tokens: int):
        super().__init__()
        channels = UNIT * width
        self.embedding = nn.Embedding(num_tokens, channels)
        self.blocks = nn.ModuleList()
        for _ in range(DEPTH):
            attention = nn.RMSNorm(channels, EPSILON), Attention(channels, length)
            hidden = EXPANSION * channels
            unit = [
                nn.RMSNorm(channels, EPSILON),
                nn.Linear(channels, hidden, bias=False),
                nn.GELU("tanh"),
                nn.Linear(hidden, channels, bias=False),
            ]
            self.blocks += [nn.Sequential(*attention), nn.Sequential(*unit)]
        self.norm = nn.RMSNorm(channels, EPSILON)
        self.unembedding = nn.Linear(channels, num_tokens, bias=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Returns [batch, length, tokens]."""
        x = self.embedding(tokens)
        for block in self.blocks:
            x = x + block(x)
        return self.unembedding(self.norm(x))


def make_transformer(width: int, shape: tuple[int], num_tokens: int):
    """Returns the transformer for windows of this length."""
    return Transformer(width, shape[0], num_tokens)


MAKERS: dict[str, Callable[..., nn.Module]] = {
    "mlp": make_mlp,
    "cnn": make_cnn,
    "pooled_cnn": make_pooled_cnn,
    "wrn10": make_wrn10,
    "transformer": make_transformer,
}


def make_network(architecture: str, width: int, input_shape, num_outputs: int):
    """Returns the network of this name, with PyTorch's default weights."""
    return MAKERS[architecture](width, input_shape, num_outputs)


def make_optimizer(name: str, parameters, learning_rate: float):
    """Returns 'sgd' without momentum or 'adam' with PyTorch's defaults."""
    make = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[name]
    return make(parameters, lr=learning_rate)


def mean_loss(outputs, targets) -> torch.Tensor:
    """Returns the squared error from real targets, or the cross-entropy of tokens."""
    if targets.is_floating_point():
        return ((outputs - targets) ** 2).mean()
    return nn.functional.cross_entropy(outputs.flatten(0, -2), targets.flatten())


def train_step(network, optimizer, images, targets) -> torch.Tensor:
    """Takes one step on the mean loss and returns the loss before it."""
    optimizer.zero_grad()
    loss = mean_loss(network(images), targets)
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
