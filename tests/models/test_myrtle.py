"""The Myrtle network against its layers written out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from scaletime_jax.errors import InputError
from scaletime_jax.models.myrtle import Myrtle, halve
from scaletime_jax.sweep.architectures import check_images


def written_out(params, images):
    """[conv, relu] x 2, pool, conv, relu, pool, conv, relu, three pools, dense."""

    def convolve(number, x):
        layer = params[f"PatchConv_{number}"]
        out = jax.lax.conv_general_dilated(
            x,
            layer["kernel"],
            (1, 1),
            "SAME",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )
        return jax.nn.relu(out + layer["bias"])

    def pool(x):
        return nn.avg_pool(x, (2, 2), (2, 2))

    x = pool(convolve(1, convolve(0, images)))
    x = convolve(3, pool(convolve(2, x)))
    x = pool(pool(pool(x)))[:, 0, 0]
    dense = params["Dense_0"]
    return x @ dense["kernel"].T + dense["bias"]


@pytest.mark.parametrize("method", ["patches", "lax"])
def test_on_images_of_32_pixels_it_is_the_five_layers(method):
    images = jax.random.normal(jax.random.key(0), (2, 32, 32, 3))
    network = Myrtle(width=4, num_classes=5, method=method)
    variables = network.init(jax.random.key(1), images)
    outputs = network.apply(variables, images)
    expected = written_out(variables["params"], images)
    assert outputs.shape == (2, 5)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)


def test_halving_leaves_out_an_odd_row():
    images = jnp.arange(3 * 5.0).reshape(1, 3, 5, 1)
    np.testing.assert_array_equal(halve(images)[0, :, :, 0], [[3.0, 5.0]])


def test_small_images_and_vectors_are_refused():
    check_images("myrtle", (4, 4, 1), "tiny")
    for shape in ((3, 4, 1), (16,)):
        with pytest.raises(InputError, match=r"the myrtle needs images .* 4 x 4"):
            check_images("myrtle", shape, "tiny")
