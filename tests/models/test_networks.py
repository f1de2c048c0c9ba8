from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scaletime_jax.models.cnn import CNN, MIN_IMAGE
from scaletime_jax.models.mlp import MLP
from scaletime_jax.models.pooled_cnn import MIN_POOLED_IMAGE, PooledCNN, largest
from scaletime_jax.models.wide_resnet import WideResNet

MNIST, CIFAR = (28, 28, 1), (32, 32, 3)


def shapes(model, image_shape):
    params = jax.eval_shape(
        model.init, jax.random.key(0), jnp.zeros((1, *image_shape))
    )["params"]
    return jax.tree.map(lambda leaf: leaf.shape, params)


def count(model, image_shape):
    leaves = jax.tree.leaves(shapes(model, image_shape), is_leaf=_is_shape)
    return sum(int(np.prod(shape)) for shape in leaves)


def _is_shape(x):
    return isinstance(x, tuple)


@pytest.mark.parametrize(
    ("model", "image_shape", "num_params"),
    [
        # by hand: 784 x 10 + 10 + 4 (10 x 10 + 10) + 10 x 10 + 10
        (MLP(1), MNIST, 8_400),
        (MLP(10), MNIST, 784 * 100 + 100 + 4 * (100 * 100 + 100) + 100 * 10 + 10),
        (MLP(1), CIFAR, 3072 * 10 + 10 + 4 * 110 + 110),
        (CNN(1), MNIST, 45_740),
        # 50, 460, 1820, 7240, 28880 with 1 input channel; the last kernel is 2 x 2
        (
            CNN(1),
            CIFAR,
            45_740 + 5 * 9 * 2 + 80 * 80 * 3,
        ),
        (MLP(1, num_classes=3), MNIST, 8_400 - 7 * 11),
        # three convolutions, 3 x 3 x 100 outputs of the last to 64, 64 to 10
        (PooledCNN(50), MNIST, 500 + 45_100 + 90_100 + 900 * 64 + 64 + 650),
        # the number usually given for WRN-28-10 on CIFAR-10
        (WideResNet(40, depth=28), CIFAR, 36_479_194),
    ],
)
def test_parameter_counts(model, image_shape, num_params):
    assert count(model, image_shape) == num_params


def test_the_least_image_leaves_one_pixel_for_the_dense_layers():
    side = MIN_POOLED_IMAGE
    dense = shapes(PooledCNN(3), (side, side, 1))["Dense_0"]["kernel"]
    assert dense == (64, 6)


def test_the_largest_of_four_pixels_is_kept_and_an_odd_row_left_out():
    images = jnp.arange(3 * 5.0).reshape(1, 3, 5, 1)
    np.testing.assert_array_equal(largest(images)[0, :, :, 0], [[6.0, 8.0]])


def test_a_resnet_halves_the_image_twice_and_depends_on_all_pixels():
    images = jax.random.normal(jax.random.key(0), (2, 8, 8, 1))
    model = WideResNet(1, num_classes=3, depth=16)
    variables = jax.jit(model.init)(jax.random.key(1), images)
    slopes = jax.jit(jax.grad(lambda x: model.apply(variables, x).sum()))(images)
    assert (np.abs(slopes) > 0).all()
    assert len(variables["params"]) == 1 + 3 * 4 + 3 + 1 + 12 + 1


def test_a_step_moves_running_statistics_by_a_tenth():
    images = jax.random.normal(jax.random.key(0), (3, 8, 8, 1))
    model = WideResNet(1)
    start = jax.jit(model.init)(jax.random.key(1), images)
    step = jax.jit(partial(model.apply, train=True, mutable=["batch_stats"]))
    means = []
    for _ in range(2):
        statistics = start["batch_stats"] if not means else means[-1]
        variables = {"params": start["params"], "batch_stats": statistics}
        _, after = step(variables, images)
        means.append(after["batch_stats"])
    for first, second in zip(*map(jax.tree.leaves, means), strict=True):
        # a mean starts at 0: m / 10, then 0.9 m / 10 + m / 10; a variance at 1
        start_at = 1.0 if (first > 0.8).all() else 0.0
        np.testing.assert_allclose(
            second - start_at, 1.9 * (first - start_at), rtol=1e-3, atol=1e-5
        )


def test_cnn_layers_are_the_papers():
    kernels = [layer["kernel"] for layer in shapes(CNN(2), CIFAR).values()]
    assert sorted(kernels, key=lambda k: (len(k) == 2, k[-1] * 10000 + k[-2])) == [
        (3, 3, 3, 10),
        (3, 3, 10, 20),
        (3, 3, 20, 40),
        (3, 3, 40, 80),
        (3, 3, 80, 160),
        (2, 2, 160, 160),
        (10, 160),
    ]


@pytest.mark.parametrize(
    ("model", "image_shape"),
    [(MLP(1), MNIST), (CNN(1), CIFAR), (CNN(1), (MIN_IMAGE, MIN_IMAGE, 1))],
)
def test_outputs_have_one_row_an_image(model, image_shape):
    images = jax.random.normal(jax.random.key(0), (5, *image_shape))
    params = jax.jit(model.init)(jax.random.key(1), images[:1])
    apply = jax.jit(model.apply)
    outputs = apply(params, images)
    assert outputs.shape == (5, 10)
    alone = apply(params, images[3:4])
    # sums of up to a thousand products of order one in float32
    np.testing.assert_allclose(outputs[3:4], alone, atol=1e-6)


def test_the_two_convolutions_give_one_network():
    images = jax.random.normal(jax.random.key(0), (8, *CIFAR))
    params = jax.jit(CNN(2).init)(jax.random.key(1), images)

    def total(params, method):
        outputs = CNN(2, method=method).apply(params, images)
        return jnp.sum(outputs**2), outputs

    both = jax.jit(jax.value_and_grad(total, has_aux=True), static_argnums=1)
    (_, a), grad_a = both(params, "patches")
    (_, b), grad_b = both(params, "lax")
    np.testing.assert_allclose(a, b, atol=1e-6)
    for x, y in zip(jax.tree.leaves(grad_a), jax.tree.leaves(grad_b), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-6)
