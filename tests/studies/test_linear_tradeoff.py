import numpy as np
import pytest
from written import assert_can_be_written

from scaletime_jax.studies.linear_tradeoff import (
    Options,
    count_steps,
    make_step_curves,
    study,
)

SIZES = [100, 200, 400, 800]


def literal_steps(rng, p, rank, ambient, rate, threshold):
    """Draws everything and iterates theta."""
    k, r = rng.normal(size=(rank, ambient)), rng.normal(size=(ambient, p))
    beta, star, theta = (rng.normal(size=size) for size in (ambient, rank, p))
    b, steps = k @ r, 0
    residual = b @ theta + k @ beta - star
    while residual @ residual > threshold:
        theta = theta - 2 * rate * b.T @ residual
        residual = b @ theta + k @ beta - star
        steps += 1
    return steps


def test_steps_are_distributed_as_those_of_the_literal_model(float64):
    """Their logarithm's mean and spread, over 400 trials; K R theta(0) included."""
    p, rank, ambient, rate, trials = 30, 2, 25, 1e-4, 400
    ours, _ = count_steps(range(trials), [p], [1.0], rate, rank, ambient)
    rng = np.random.default_rng(0)
    literal = [literal_steps(rng, p, rank, ambient, rate, 1.0) for _ in range(trials)]
    a, b = np.log1p(ours[0, :, 0]), np.log1p(literal)
    sem = np.sqrt((a.var() + b.var()) / trials)
    assert abs(a.mean() - b.mean()) < 4 * sem
    assert a.std() == pytest.approx(b.std(), rel=0.2)  # 4 / sqrt(2 x 400)


def test_trials_do_not_depend_on_other_seeds_or_sizes(float64):
    many, _ = count_steps([1, 2, 3], [10, 50], [0.1], 1e-6)
    one, _ = count_steps([2], [50], [0.1], 1e-6)
    assert one[0, 0, 0] == many[1, 1, 0]


def test_planted_steps_have_their_slope():
    steps = np.array([[800, 880], [400, 440], [200, 220], [100, 110]])[..., None]
    [curve] = make_step_curves(steps, np.full((4, 2), 0.1), SIZES, [1.0], 1e-6)
    assert curve.fit.slope == pytest.approx(-1) and curve.smooth.all()
    np.testing.assert_allclose(curve.mean, [840, 420, 210, 105])
    np.testing.assert_allclose(curve.sem, [40, 20, 10, 5])


def test_overshooting_and_missing_sizes_are_not_fitted():
    steps = np.array([[800, 800], [400, 400], [200, -1], [50, 50]])[..., None]
    largest = np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 2.1], [0.9, 1.1]])
    [curve] = make_step_curves(steps, largest, SIZES, [1.0], 1e-6)
    assert curve.smooth.tolist() == [True, True, False, False]
    assert np.isnan(curve.mean[2]) and np.isnan(curve.sem[2]) and curve.mean[3] == 50
    assert curve.fit is None  # two sizes make no slope


def test_the_second_line_leaves_small_sizes_out():
    steps = np.array([[30_000], [800], [400], [200]])[..., None]
    largest, sizes = np.full((4, 1), 0.1), [10, 100, 200, 400]
    [curve] = make_step_curves(steps, largest, sizes, [1.0], 1e-6, rank=3)
    assert curve.fit_large.slope == pytest.approx(-1)
    assert curve.fit.slope < -1.05


@pytest.mark.slow
def test_a_study_has_a_panel_at_the_papers_rate_and_one_far_beyond(float64):
    options = Options(
        [10, 50, 200, 500], [10, 10**4, 10**7], [1e-2, 1e-6], seeds=[101, 102]
    )
    result = study(options)
    assert_can_be_written(result)
    assert [len(result.tables[name]) for name in ("paper", "large")] == [8, 6]
    paper, large = (result.summary["panels"][name] for name in ("paper", "large"))
    assert [curve["threshold"] for curve in paper] == [1e-2, 1e-6]
    assert paper[0]["learning_rate"] == options.learning_rate
    # its steps are smooth at the largest size, where the paper's rate would diverge
    assert large[0]["sizes_fitted"][-1] == 10**7
    assert len(result.notes) == 4 and all("slope" in note for note in result.notes)
