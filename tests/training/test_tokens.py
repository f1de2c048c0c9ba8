"""Next tokens of a known Markov chain, by a network written without Flax."""

import jax
import jax.numpy as jnp
import numpy as np

from scaletime_jax.models.network import Network, Variables
from scaletime_jax.training.batching import TrainData, fresh
from scaletime_jax.training.hyper import Hyper
from scaletime_jax.training.optimizers import make_optimizer
from scaletime_jax.training.task import next_tokens
from scaletime_jax.training.train import make_train

CHAIN = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.3, 0.3, 0.4]])
LENGTH = 16
# one row of odds for each token: the best that there is for a chain
TABLE = Network(
    lambda key, tokens: Variables(jnp.zeros(CHAIN.shape), ()),
    lambda variables, tokens, train: (variables.params[tokens], variables),
)


def stationary():
    values, vectors = np.linalg.eig(CHAIN.T)
    shares = np.real(vectors[:, np.argmax(np.real(values))])
    return shares / shares.sum()


def draw(key, batch):
    """Returns `batch` pieces of the stationary chain and what follows each token."""
    first_key, key = jax.random.split(key)
    first = jax.random.categorical(first_key, jnp.log(stationary()), shape=(batch,))

    def follow(token, key):
        after = jax.random.categorical(key, jnp.log(CHAIN)[token])
        return after, after

    _, rest = jax.lax.scan(follow, first, jax.random.split(key, LENGTH))
    tokens = jnp.concatenate([first[None], rest]).T.astype(jnp.int32)
    return tokens[:, :-1], tokens[:, 1:]


def test_the_cross_entropy_falls_to_the_chains_entropy():
    test = draw(jax.random.key(1), 1000)
    data = TrainData(test[0][:8], jnp.arange(8), test[1][:8], *test)
    optimizer = make_optimizer("adam", "cosine")
    train = make_train(TABLE, next_tokens(), optimizer, (0, 1000), fresh(draw, 64))
    curves = jax.jit(train)(jax.random.key(0), Hyper(jnp.float32(0.05)), data)
    np.testing.assert_allclose(curves.test_loss[0], np.log(3), rtol=1e-6)
    # the chain's own cross-entropy on the same tokens: what is left is the table's
    # error, six numbers' from the last few hundred steps of 1024 tokens: 1e-4
    costs = -np.log(CHAIN[test[0], test[1]])
    excess = float(curves.test_loss[1]) - costs.mean()
    assert abs(excess) < 5e-4
    shares = stationary()
    entropy = -np.sum(shares[:, None] * CHAIN * np.log(CHAIN))
    # four standard errors of 1000 independent pieces
    noise = costs.mean(1).std() / np.sqrt(1000)
    assert abs(float(curves.test_loss[1]) - entropy) < 4 * noise < 0.05
    # the likeliest next token is right as often as the chain says
    right = np.sum(shares * CHAIN.max(1))
    assert abs(float(curves.test_accuracy[1]) - right) < 0.02
