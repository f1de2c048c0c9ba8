"""By the rules themselves; `test_small_network.py` has PyTorch's own numbers."""

import jax.numpy as jnp
import numpy as np

from scaletime_jax.training.hyper import Hyper
from scaletime_jax.training.optimizers import OPTIMIZERS, READS, make_optimizer

HYPER = Hyper(0.1, 0.5, 0.2, warmup=0.5, decay=0.25, final=0.1)
START = jnp.array([1.0, -2.0])


def follow(optimizer, hyper=HYPER, steps=8):
    """Returns the params after each step on |params - 3|^2 / 2."""
    params, state, path = START, optimizer.init(START, hyper), []
    for step in range(steps):
        gradient = params - 3
        params, state = optimizer.update(gradient, state, params, hyper, step, steps)
        path.append(params)
    return np.array(path, float)


def test_the_heavy_ball_by_hand():
    theta, v, path = np.array([1.0, -2.0]), 0.0, []
    for _ in range(8):
        v = 0.5 * v + (theta - 3) + 0.2 * theta
        theta = theta - 0.1 * v
        path.append(theta)
    # eight steps of float32
    np.testing.assert_allclose(follow(make_optimizer("momentum")), path, rtol=1e-5)


def test_momentum_of_zero_is_sgd():
    plain = follow(make_optimizer("momentum"), HYPER._replace(momentum=0.0))
    assert not np.allclose(plain, follow(make_optimizer("sgd")))  # weight decay
    nothing = HYPER._replace(momentum=0.0, weight_decay=0.0)
    ball, sgd = (follow(make_optimizer(name), nothing) for name in ("momentum", "sgd"))
    np.testing.assert_array_equal(ball, sgd)


def test_the_schedule_multiplies_the_rate():
    """Steps of sgd are rate x multiplier x gradient: 0, 1/4, ..., 1, then falling."""
    path = follow(make_optimizer("sgd", "warmup_stable_decay"))
    before = np.concatenate([[START], path[:-1]])
    rates = ((path - before) / (3 - before))[:, 0]
    expected = 0.1 * np.array([0, 0.25, 0.5, 0.75, 1, 1, 1, 0.55])
    # differences of float32 numbers of order one
    np.testing.assert_allclose(rates, expected, atol=1e-6)


def test_an_optimizer_reads_the_numbers_it_names():
    assert set(OPTIMIZERS) == set(READS)
    for name in OPTIMIZERS:
        path = follow(make_optimizer(name))
        for number in Hyper._fields:
            changed = HYPER._replace(**{number: 0.3})
            same = np.array_equal(path, follow(make_optimizer(name), changed))
            assert same == (number not in (*READS[name], "learning_rate")), number


def test_factors_are_rates_of_their_own_and_leave_decay_alone():
    """Each number moves as with factor x rate, and weight decay / factor."""
    factors = jnp.array([0.5, 2.0])
    for name in OPTIMIZERS:
        together = follow(make_optimizer(name, factors=factors))
        for place, factor in enumerate(factors):
            own = HYPER._replace(
                learning_rate=0.1 * factor, weight_decay=0.2 / float(factor)
            )
            alone = follow(make_optimizer(name), own)
            # eight steps of float32
            np.testing.assert_allclose(
                together[:, place], alone[:, place], rtol=1e-5, err_msg=name
            )
        ones = follow(make_optimizer(name, factors=jnp.ones(2)))
        np.testing.assert_allclose(ones, follow(make_optimizer(name)), rtol=1e-6)
