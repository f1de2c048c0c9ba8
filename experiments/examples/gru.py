"""A gated recurrent unit that predicts the next byte of a text, in plain JAX.

It is written as one would write it without this package, but for its last function.

    python experiments/equivalence.py \
        --architecture=gru=experiments/examples/gru.py:gru \
        --dataset=plays=text:experiments/examples/tinyshakespeare.txt.gz,context=32 \
        --loss=cross_entropy --optimizer=adam --learning_rates=0.003 --label_noise=0 \
        --widths=1,2,4 --train_sizes=2000 --test_size=500 --epochs=10 --seeds=1,2
"""

from functools import partial

import jax
import jax.numpy as jnp

from scaletime_jax.models.network import Network, Variables

UNIT = 16  # hidden units at width 1


def init_params(key, hidden, vocabulary):
    """Draws all parameters."""
    keys = jax.random.split(key, 4)

    def matrix(key, rows, columns):
        return jax.random.normal(key, (rows, columns)) / rows**0.5

    return {
        "table": jax.random.normal(keys[0], (vocabulary, 3 * hidden)),
        "gates": matrix(keys[1], hidden, 2 * hidden),
        "candidate": matrix(keys[2], hidden, hidden),
        "bias": jnp.zeros(3 * hidden),
        "head": matrix(keys[3], hidden, vocabulary),
    }


def step(params, h, token):
    """The hidden state after one more token, twice, as a scan wants it."""
    given = params["table"][token] + params["bias"]
    to_update, to_reset, to_candidate = jnp.split(given, 3)
    update, reset = jnp.split(h @ params["gates"], 2)
    update, reset = jax.nn.sigmoid(update + to_update), jax.nn.sigmoid(reset + to_reset)
    candidate = jnp.tanh((reset * h) @ params["candidate"] + to_candidate)
    h = (1 - update) * h + update * candidate
    return h, h


def forward(params, tokens):
    """Outputs [length, vocabulary] for the tokens [length] of one window."""
    start = jnp.zeros(len(params["head"]))
    _, states = jax.lax.scan(partial(step, params), start, tokens)
    return states @ params["head"]


def gru(width, num_outputs):
    """The only function that scaletime_jax needs."""

    def init(key, tokens):
        return Variables(init_params(key, UNIT * width, num_outputs), ())

    def apply(variables, tokens, train):
        return jax.vmap(partial(forward, variables.params))(tokens), variables

    return Network(init, apply)
