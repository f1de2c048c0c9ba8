"""The MLP and its gradient descent in plain NumPy float64, from the definitions."""

import numpy as np


def layers_of(params):
    """Returns [(weights [inputs, outputs], bias), ...] in float64, layer by layer."""
    names = sorted(params, key=lambda name: int(name.split("_")[1]))
    return [
        (np.asarray(params[n]["kernel"], float).T, np.asarray(params[n]["bias"], float))
        for n in names
    ]


def forward(layers, images):
    """Returns the inputs of every layer and the outputs."""
    x = images.reshape(len(images), -1) / 127.5 - 1
    inputs = []
    for number, (kernel, bias) in enumerate(layers):
        inputs.append(x)
        x = x @ kernel + bias
        if number + 1 < len(layers):
            x = np.maximum(x, 0)
    return inputs, x


def mse(outputs, targets):
    """Returns the mean over examples and classes, and its gradient."""
    error = outputs - targets
    return np.mean(error**2), 2 * error / error.size


def cross_entropy(outputs, targets):
    """Returns the mean over examples of -log softmax, and its gradient."""
    odds = np.exp(outputs)
    shares = odds / odds.sum(1, keepdims=True)
    loss = -np.log(shares[targets == 1]).mean()
    return loss, (shares - targets) / len(outputs)


def loss_and_accuracy(layers, images, labels, loss=mse):
    """Returns the mean loss and the accuracy."""
    outputs = forward(layers, images)[1]
    targets = np.eye(outputs.shape[1])[labels]
    return loss(outputs, targets)[0], np.mean(outputs.argmax(1) == labels)


def sgd_step(layers, images, labels, learning_rate, loss=mse):
    """Returns the layers after one step on the mean loss."""
    inputs, outputs = forward(layers, images)
    slope = loss(outputs, np.eye(outputs.shape[1])[labels])[1]
    stepped = []
    for (kernel, bias), x in reversed(list(zip(layers, inputs, strict=True))):
        stepped.append(
            (
                kernel - learning_rate * x.T @ slope,
                bias - learning_rate * slope.sum(0),
            )
        )
        slope = (slope @ kernel.T) * (x > 0)
    return stepped[::-1]
