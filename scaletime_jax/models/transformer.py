"""A decoder-only transformer, which predicts the next token at every position.

Activations are [channels, batch x length]: the positions of all examples are the
columns of one matrix, as the examples are in `models.dense`, so that a dense layer is
one product. Attention is two products for each head and example.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float, Int

from scaletime_jax.models.dense import Dense

UNIT = 8  # channels at width 1
HEAD = 8  # channels of an attention head, the same at every width
DEPTH = 2
EXPANSION = 4  # hidden units of a block for each channel
EPSILON = 1e-6  # added to the mean square of a norm
BASE = 10_000.0  # of the wavelengths of the positions
# Parameters that the size of a transformer leaves out, as in [Kaplan et al. 2020].
EMBEDDINGS = ("embedding", "unembedding")


class Transformer(nn.Module):
    """Blocks of causal attention and of one hidden layer, each after a norm.

        x = embedding[tokens]
        x += project(attend(norm(x))),  x += contract(gelu(expand(norm(x)))),  ...
        outputs = unembedding norm(x)

    RMS norms [Zhang & Sennrich 2019] before each part [Xiong et al. 2020], rotary
    positions [Su et al. 2021], no biases, and the approximation of GELU by tanh. The
    number of heads grows with the width; the channels of a head do not. Without the
    embeddings, a network of width s has 1,536 s^2 + 40 s parameters.

    Attributes:
        width: the scale parameter s; there are 8 s channels and s heads.
        num_tokens: size of the vocabulary.
        initializer: one of `initializers.INITS`, for all but the embedding, which is
            N(0, 1).
        depth: number of blocks.
    """

    width: int
    num_tokens: int
    initializer: str = "pytorch"
    depth: int = DEPTH

    @nn.compact
    def __call__(
        self, tokens: Int[Array, "batch length"]
    ) -> Float[Array, "batch length tokens"]:
        """Returns one output for each possible next token at every position."""
        channels, (batch, length) = UNIT * self.width, tokens.shape

        def dense(features: int, name: str) -> Dense:
            return Dense(features, self.initializer, use_bias=False, name=name)

        # a product with indicators: its gradient is a product too, not a scatter
        shape = channels, self.num_tokens
        normal = jax.nn.initializers.normal(1.0)
        embedding = self.param("embedding", normal, shape, jnp.float32)
        indicators = tokens.reshape(-1) == jnp.arange(self.num_tokens)[:, None]
        x = embedding @ indicators.astype(jnp.float32)
        for number in range(self.depth):
            mixed = dense(3 * channels, f"attention_{number}")(Norm()(x))
            heads = mixed.reshape(3, -1, HEAD, batch, length)
            attended = attend(rotate(heads[0]), rotate(heads[1]), heads[2])
            x = x + dense(channels, f"project_{number}")(attended.reshape(x.shape))
            hidden = dense(EXPANSION * channels, f"expand_{number}")(Norm()(x))
            x = x + dense(channels, f"contract_{number}")(jax.nn.gelu(hidden))
        outputs = dense(self.num_tokens, "unembedding")(Norm()(x))
        return outputs.T.reshape(batch, length, self.num_tokens)


class Norm(nn.Module):
    """Division of each column by its root mean square, times a gain for each row."""

    @nn.compact
    def __call__(self, x: Float[Array, "channels n"]) -> Float[Array, "channels n"]:
        """Returns gain x / sqrt(mean(x^2) + EPSILON)."""
        ones = jax.nn.initializers.ones
        gain = self.param("gain", ones, x.shape[:1], jnp.float32)
        mean_square = jnp.mean(x**2, axis=0)
        return gain[:, None] * x * jax.lax.rsqrt(mean_square + EPSILON)


def rotate(
    x: Float[Array, "heads channels batch length"],
) -> Float[Array, "heads channels batch length"]:
    """Rotates the pair of channels (c, c + C/2) by position / BASE^(2 c / C).

    The product of a rotated query and a rotated key depends on the difference of their
    positions alone [Su et al. 2021].
    """
    half = x.shape[1] // 2
    rates = BASE ** (-jnp.arange(half) / half)
    angles = (rates[:, None] * jnp.arange(x.shape[-1]))[:, None]
    cos, sin = jnp.cos(angles), jnp.sin(angles)
    first, second = x[:, :half], x[:, half:]
    turned = first * cos - second * sin, second * cos + first * sin
    return jnp.concatenate(turned, axis=1)


def attend(
    queries: Float[Array, "heads channels batch length"],
    keys: Float[Array, "heads channels batch length"],
    values: Float[Array, "heads channels batch length"],
) -> Float[Array, "heads channels batch length"]:
    """Returns means of the values at this position and before, weighted by softmax.

    The weights are softmax_k(q . k / sqrt(C)) for the C channels of a head.
    """
    channels, length = queries.shape[1], queries.shape[-1]
    scores = jnp.einsum("hcbq,hcbk->hbqk", queries / channels**0.5, keys)
    is_past = jnp.tril(jnp.ones((length, length), bool))
    weights = jax.nn.softmax(jnp.where(is_past, scores, -jnp.inf))
    return jnp.einsum("hbqk,hcbk->hcbq", weights, values)
