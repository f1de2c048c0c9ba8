"""Claims on planted curves, and a whole study at the size of the smoke preset."""

import numpy as np
import pytest
from tracked import Tracked
from written import assert_can_be_written

from scaletime_jax.errors import InputError
from scaletime_jax.studies.bound_draws import BoundDraws, draw_bounds, judge_draws
from scaletime_jax.studies.manifold_bounds import (
    BOUND,
    DISTANCE,
    LINEAR,
    NEAREST,
    STEPS,
    Options,
    check,
    fit_curve,
    judge_exponents,
    study,
)
from scaletime_jax.studies.manifold_dimensions import DimensionOptions
from scaletime_jax.studies.manifold_losses import (
    Curve,
    LossOptions,
    linear_range,
    measure_losses,
)
from scaletime_jax.theory.nearest_neighbour import mean_distance

SIZES = [100, 200, 400, 800]
SMALL = Options(
    LossOptions([1, 2], SIZES, SIZES, 4, draws=2, test_points=200, seed=0),
    DimensionOptions([1, 3], 300, 3, seed=0),
    bound_draws=24,
)


def planted(quantity, exponent, dim=2, bend=0.0):
    sizes = np.array(SIZES)
    logs = -exponent * np.log(sizes) + bend * np.log(sizes / 100) ** 2
    noise = 0.001 * np.random.default_rng(0).normal(size=(4, 6))
    return fit_curve(Curve("cube", dim, quantity, sizes, np.exp(logs[:, None] + noise)))


@pytest.mark.parametrize(
    ("quantity", "multiple"),
    [(DISTANCE, 1), (NEAREST, 2), (LINEAR, 4), (BOUND, 1), (STEPS, 2)],
)
def test_right_exponents_hold_and_wrong_ones_fail(quantity, multiple):
    """The control of the study: the fit can fail."""
    for off, verdict in ((0.0, "holds"), (0.1, "fails"), (-0.1, "fails")):
        [claim] = judge_exponents([planted(quantity, multiple / 2 + off)])
        assert claim.verdict == verdict and claim.setting["d"] == 2
        assert claim.value == pytest.approx(off, abs=0.005)  # noise of 0.001 over 2 e's


def test_a_bent_curve_has_no_exponent():
    [claim] = judge_exponents([planted(NEAREST, 1.0, bend=0.2)])
    assert claim.value is None and claim.verdict == "undecided"
    assert claim.note == "no straight range"


def test_targets_with_jumps_have_the_exponent_of_their_boundary():
    """Points whose neighbour lies across a jump: a share of D^(-1/d)."""
    options = LossOptions([2], SIZES, SIZES, 4, draws=5, test_points=1000, seed=0)
    curves = {each.quantity: each for each in measure_losses("torus", 2, options)}
    exponents = [fit_curve(curves[q]).law.exponent.value for q in (STEPS, NEAREST)]
    # the scatter of 30 draws is 0.02 for jumps, 0.01 for the smooth target
    assert exponents[0] == pytest.approx(0.5, abs=0.08)
    assert exponents[1] == pytest.approx(1.0, abs=0.05)
    assert curves[STEPS].values.shape == (4, 5 * 6)


def test_no_draw_violates_the_bound():
    for each in draw_bounds([1, 2, 3], 90, 3):
        assert len(each.violated) == 90 and not each.violated.any()
        assert each.looseness.min() > 1
        claim = judge_draws(each)
        assert claim.value == 0 and claim.note == "0 of 90 draws"


def test_one_violation_refutes_the_theorem():
    one = np.arange(1000) == 3
    claim = judge_draws(BoundDraws("nearest-neighbour", np.ones(1000), one))
    low, high = claim.interval
    # Clopper and Pearson's interval of 1 in 1,000
    assert low == pytest.approx(2.5e-5, rel=0.02) and high == pytest.approx(
        0.00556, 0.01
    )
    assert claim.verdict == "fails" and claim.note == "1 of 1,000 draws"
    none = judge_draws(BoundDraws("nearest-neighbour", np.ones(1000), one & False))
    assert none.interval[1] == pytest.approx(1 - 0.025 ** (1 / 1000))
    assert none.verdict == "holds"


def test_sizes_of_linear_pieces_resolve_the_teacher():
    options = LossOptions(linear_sizes=[100, 1000, 4000, 8000, 16_000, 32_000, 64_000])
    sizes = linear_range("torus", 4, options)
    assert sizes == [4000, 8000, 16_000, 32_000]  # one less in four dimensions
    assert 2 * np.pi * mean_distance("torus", 4, np.array([4000.0]))[0] <= 0.5
    assert linear_range("sphere", 3, options) == [100, 1000, 4000, 8000, 16_000]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (
            {"sizes": [100, 200, 400]},
            "sizes has 3 sizes, too few for the straight range",
        ),
        ({"sizes": [400, 200, 100, 50]}, "sizes must be ascending"),
        ({"sizes": [1, 2, 3, 4]}, "sizes must be 4 or more"),
        (
            {"dims": [4], "linear_count": 5},
            "linear_sizes has 2 sizes with a mean distance of at most 0.16 on",
        ),
        ({"draws": 1}, "draws must be 2 or more"),
        ({"linear_count": 3}, "linear_count must be 4 or more .* at d = 1, got 3"),
    ],
)
def test_grids_without_an_exponent_are_refused(changed, words):
    with pytest.raises(InputError, match=words):
        check(SMALL._replace(losses=SMALL.losses._replace(**changed)))


def test_estimates_without_points_are_refused():
    with pytest.raises(InputError, match="points must be 100 or more"):
        check(SMALL._replace(dimensions=DimensionOptions([1], 60)))
    with pytest.raises(InputError, match=r"bound_draws must be 6 or more, .* got 5"):
        check(SMALL._replace(bound_draws=5))
    five = LossOptions([5], linear_sizes=[10**k for k in range(6, 11)])
    with pytest.raises(InputError, match="of dimension 5 cannot be triangulated"):
        check(SMALL._replace(losses=five))


@pytest.mark.slow  # the figure; the smoke preset is run by default
def test_a_study_has_all_manifolds():
    track = Tracked()
    result = study(SMALL, track)
    assert_can_be_written(result)
    assert track.words[0] == "draws of the bound"
    assert "2-dimensional torus, draws" in track.words
    # 2 students, 5 exponents and 1 constant of 6 manifolds, 3 methods of 6
    assert len(result.claims) == 2 + 6 * 6 + 3 * 6
    assert [each["violated"] for each in result.summary["bounds"]] == [0, 0]
    failed = [claim for claim in result.claims if claim.source.startswith("control")]
    assert len(failed) == 6 and not any(c.verdict == "holds" for c in failed)
    curves = result.tables["curves"]
    assert {row["quantity"] for row in curves if row["manifold"] == "sphere"} < {
        row["quantity"] for row in curves if row["manifold"] == "cube"
    }
    assert len(result.tables["dimensions"]) == 3 * 3 * 2
