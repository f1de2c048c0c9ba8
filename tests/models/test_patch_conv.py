import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scaletime_jax.models.patch_conv import METHODS, add_frame, convolve


def direct(images, kernel, stride):
    """Sums the definition, in float64."""
    images, kernel = np.asarray(images, float), np.asarray(kernel, float)
    size = kernel.shape[0]
    height, width = ((n - size) // stride + 1 for n in images.shape[1:3])
    out = np.zeros((kernel.shape[-1], height, width, images.shape[-1]))
    for y in range(height):
        for x in range(width):
            patch = images[:, y * stride :, x * stride :][:, :size, :size]
            out[:, y, x] = np.einsum("ijcf,cijb->fb", kernel, patch)
    return out


CASES = [
    (1, 28, 5, 3, 2),
    (5, 13, 7, 3, 1),
    (4, 8, 3, 3, 2),
    (6, 2, 5, 2, 1),
    (3, 1, 4, 1, 1),
]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("channels", "pixels", "features", "size", "stride"), CASES)
def test_convolution_is_its_definition(
    method, channels, pixels, features, size, stride
):
    keys = jax.random.split(jax.random.key(0))
    images = jax.random.normal(keys[0], (channels, pixels, pixels + (size > 1), 3))
    kernel = jax.random.normal(keys[1], (size, size, channels, features))
    out = convolve(images, kernel, stride, method)
    # float32 sums of at most 45 products of order one
    np.testing.assert_allclose(out, direct(images, kernel, stride), atol=2e-5)


@pytest.mark.parametrize(("channels", "pixels", "features", "size", "stride"), CASES)
def test_gradients_agree(channels, pixels, features, size, stride):
    keys = jax.random.split(jax.random.key(0))
    images = jax.random.normal(keys[0], (channels, pixels, pixels, 3))
    kernel = jax.random.normal(keys[1], (size, size, channels, features))

    def total(images, kernel, method):
        return jnp.sum(jnp.sin(convolve(images, kernel, stride, method)))

    gradients = jax.jit(jax.grad(total, (0, 1)), static_argnums=2)
    ours = gradients(images, kernel, "patches")
    xla = gradients(images, kernel, "lax")
    for a, b in zip(ours, xla, strict=True):
        # float32 sums of at most 169 x 3 terms of order one
        np.testing.assert_allclose(a, b, atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize("edge", [1, 2])
def test_a_frame_is_zeros_around_the_image(edge):
    images = jax.random.normal(jax.random.key(0), (2, 3, 4, 5))
    framed = add_frame(images, edge)
    around = ((0, 0), (edge, edge), (edge, edge), (0, 0))
    np.testing.assert_array_equal(framed, np.pad(images, around))
