import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scaletime_jax.models.cnn import CNN, MIN_IMAGE
from scaletime_jax.models.mlp import MLP

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
    ],
)
def test_parameter_counts(model, image_shape, num_params):
    assert count(model, image_shape) == num_params


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
