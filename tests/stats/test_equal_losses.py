import numpy as np
import pytest

from scaletime_jax.stats.equal_losses import Along, equal_loss_slopes

SIZES = np.array([100.0, 300.0, 1000.0])
STEPS = np.unique(np.geomspace(1, 3000, 60).astype(int))
STEPS = np.concatenate([[0], STEPS])


def planted(kappa, grows=0.0, noise=0.0, seeds=4):
    """L = 1 / (1 + p^kappa t / 100)^(1/2), and a quantity p^grows L^3."""
    rng = np.random.default_rng(1)
    scale = SIZES[:, None, None] ** kappa * np.exp(
        noise * rng.normal(size=(3, seeds, 1))
    )
    loss = (1 + scale * STEPS / 100) ** -0.5
    values = {
        "time": np.broadcast_to(STEPS.astype(float), loss.shape),
        "quantity": SIZES[:, None, None] ** grows * loss**3,
    }
    return Along(SIZES, loss, values, ceiling=1.0)


@pytest.mark.parametrize("kappa", [-0.2, 0.0, 1 / 3, 0.8])
def test_the_slope_of_time_is_minus_the_planted_exponent(kappa):
    found = equal_loss_slopes(planted(kappa))["time"]
    # interpolation between steps 15% apart
    np.testing.assert_allclose(found, -kappa, atol=0.01)


def test_a_quantity_is_compared_at_equal_loss_not_at_equal_time():
    """At equal times the larger networks, with lower loss, would have less of it."""
    found = equal_loss_slopes(planted(0.5, grows=0.7))["quantity"]
    np.testing.assert_allclose(found, 0.7, atol=0.01)


def test_sizes_that_share_no_loss_have_no_slope():
    along = planted(0.3)
    loss = along.loss.copy()
    loss[2] *= 1e-3
    found = equal_loss_slopes(along._replace(loss=loss))
    assert np.isfinite(found["time"][0])
    assert np.isnan(found["time"][1])


def test_losses_above_the_ceiling_are_not_compared():
    """Above the ceiling, size changes nothing; below it the exponent is 1/2."""
    along = planted(0.5)
    loss = np.where(along.loss > 0.6, (1 + STEPS / 1e4) ** -0.5, along.loss)
    found = equal_loss_slopes(along._replace(loss=loss, ceiling=0.6))["time"]
    np.testing.assert_allclose(found, -0.5, atol=0.02)


def test_a_quantity_below_zero_has_no_slope():
    along = planted(0.3)
    values = {**along.values, "quantity": -along.values["quantity"]}
    found = equal_loss_slopes(along._replace(values=values))
    assert np.isnan(found["quantity"]).all()
    assert np.isfinite(found["time"]).all()


def test_a_loss_that_rises_again_counts_when_first_reached():
    along = planted(0.4)
    loss = along.loss.copy()
    loss[:, :, 40:] *= 100
    found = equal_loss_slopes(along._replace(loss=loss))["time"]
    np.testing.assert_allclose(found, -0.4, atol=0.02)


def test_a_diverged_run_leaves_no_slope_of_its_size():
    along = planted(0.4)
    loss = along.loss.copy()
    loss[2, 1, 50:] = np.nan
    found = equal_loss_slopes(along._replace(loss=loss))["time"]
    assert np.isfinite(found).tolist() == [True, False]


def test_without_a_seed_is_that_of_the_others():
    along = planted(0.3, noise=0.3)
    others = [0, 1, 3]
    fewer = along._replace(
        loss=along.loss[:, others],
        values={name: v[:, others] for name, v in along.values.items()},
    )
    left, right = along.without(2), fewer
    for name, found in equal_loss_slopes(left).items():
        np.testing.assert_array_equal(found, equal_loss_slopes(right)[name])
