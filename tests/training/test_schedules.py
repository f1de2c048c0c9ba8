import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from scaletime_jax.training.hyper import Hyper
from scaletime_jax.training.schedules import READS, SCHEDULES, make_schedule

TOTAL = 40
STEPS = jnp.arange(TOTAL)
HYPER = Hyper(learning_rate=1.0, warmup=0.25, decay=0.5, final=0.1)
OTHERS = ("cosine", "warmup_cosine", "warmup_stable_decay")


def multipliers(name, hyper=HYPER, total=TOTAL, steps=STEPS):
    return jax.vmap(make_schedule(name), (0, None, None))(steps, total, hyper)


def test_cosine_is_optaxs():
    expected = optax.cosine_decay_schedule(1.0, TOTAL, alpha=0.1)(STEPS)
    # float32 cosines
    np.testing.assert_allclose(multipliers("cosine"), expected, atol=1e-6)


def test_cosine_is_pytorchs():
    torch = pytest.importorskip("torch")
    weights = [torch.nn.Parameter(torch.zeros(1))]
    optimizer = torch.optim.SGD(weights, lr=1.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimizer, T_max=TOTAL, eta_min=0.1
    )
    expected = []
    for _ in range(TOTAL):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    np.testing.assert_allclose(multipliers("cosine"), expected, atol=1e-6)


def test_warmup_cosine_is_optaxs():
    expected = optax.warmup_cosine_decay_schedule(0.0, 1.0, 10, TOTAL, 0.1)(STEPS)
    np.testing.assert_allclose(multipliers("warmup_cosine"), expected, atol=1e-6)


def test_warmup_stable_decay_at_its_knots():
    """Rise over the first 10 of 40 steps, fall to a tenth over the last 20."""
    steps = jnp.array([0, 1, 5, 9, 10, 15, 20, 21, 30, 39])
    fallen = 0.9 * np.array([0, 1, 10, 19]) / 20
    expected = [0, 0.1, 0.5, 0.9, 1, 1, *(1 - fallen)]
    found = multipliers("warmup_stable_decay", steps=steps)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_without_warmup_the_first_step_is_whole():
    bare = Hyper(learning_rate=1.0)
    for name in OTHERS:
        assert float(multipliers(name, bare)[0]) == 1
    assert (multipliers("warmup_stable_decay", bare) == 1).all()


def test_all_warmup_never_falls():
    for name in OTHERS[1:]:
        found = multipliers(name, Hyper(1.0, warmup=1.0))
        np.testing.assert_allclose(found, STEPS / TOTAL, atol=1e-6)


@pytest.mark.parametrize("name", OTHERS)
def test_numbers_and_lengths_may_be_lanes(name):
    """One program serves them all: each lane is its own schedule."""
    warmups, totals = jnp.array([0.0, 0.1, 0.3]), jnp.array([20, 40, 30])
    finals = jnp.array([0.0, 0.2, 0.5])
    together = jax.jit(
        jax.vmap(
            lambda w, f, t: multipliers(name, HYPER._replace(warmup=w, final=f), t)
        )
    )(warmups, finals, totals)
    for lane, (w, f, t) in enumerate(zip(warmups, finals, totals, strict=True)):
        hyper = HYPER._replace(warmup=float(w), final=float(f))
        alone = multipliers(name, hyper, int(t))
        # the share of warm-up in float32: 1e-6 of a step of the ramp
        np.testing.assert_allclose(together[lane], alone, atol=2e-6)


def test_a_schedule_reads_the_numbers_it_names():
    assert set(SCHEDULES) == {"constant", *OTHERS}
    assert make_schedule("constant") is None
    for name in OTHERS:
        for number in Hyper._fields:
            changed = HYPER._replace(**{number: 0.2})
            same = np.array_equal(multipliers(name), multipliers(name, changed))
            assert same == (number not in READS[name]), (name, number)
