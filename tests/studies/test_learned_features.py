import jax
import numpy as np
import pytest
from precision import double_precision
from readable import assert_readable
from written import assert_can_be_written

from scaletime_jax.data.features import label_features
from scaletime_jax.errors import InputError
from scaletime_jax.plotting.learned_features import plot_learned_features
from scaletime_jax.studies.label_curves import Options, check, measure_curves
from scaletime_jax.studies.learned_features import (
    mean_difference,
    measure_coefficients,
    study,
)

OPTIONS = Options(
    fixed=(4, 16),
    data_sizes=(5, 10, 20, 64, 128, 256),
    feature_sizes=(5, 10, 20, 64, 80, 100),
    teacher_sizes=(5, 10, 20, 40),
    ridges=(1e-2, 1.0, 1e2),
    draws=10,
)


def planted(falling=0.0, features=120):
    """Gaussian features of a power-law spectrum, and targets linear in them.

    The coefficients w_i^2 of the targets fall as i^-falling.
    """
    rng = np.random.default_rng(0)
    modes = np.arange(1, features + 1)
    rotation = np.linalg.qr(rng.normal(size=(features, features)))[0]
    made = (rng.normal(size=(1500, features)) * modes**-0.75) @ rotation
    vectors, values, _ = np.linalg.svd(made, full_matrices=False)
    signs = rng.normal(size=(features, 4))
    targets = (vectors * values * modes ** (-falling / 2)) @ signs
    return made, targets


@pytest.fixture(scope="module")
def result():
    with double_precision():
        features, targets = planted()
        labels = targets.argmax(axis=1)
        found = label_features("planted", features, labels, "planted")
        return study(OPTIONS, found)


def verdicts(result, words):
    return [c.verdict for c in result.claims if words in c.quantity]


def test_each_question_has_its_claims(result):
    assert len(verdicts(result, "exponent in D")) == 2
    assert len(verdicts(result, "exponent in P")) == 2
    assert len(verdicts(result, "alpha_D - alpha_P")) == 2
    assert len(verdicts(result, "loss over data / loss over features")) == 4
    assert verdicts(result, "on teachers' targets") == ["holds"]
    assert len(verdicts(result, "w_i^2")) == 1
    for panel in result.figure["panels"]:
        curve = panel.curve
        if curve.over == "data" and not (curve.is_all or curve.tuned):
            assert panel.law.exponent.value == pytest.approx(1, abs=0.15)


def test_differences_of_either_sign_do_not_cancel():
    over_data = np.array([[2.0, 2.0], [0.5, 0.5]])
    assert mean_difference(over_data, np.ones((2, 2))) == pytest.approx(np.log(2))
    assert mean_difference(over_data, over_data) == 0


def test_a_constant_feature_is_told():
    features, targets = planted()
    more = np.concatenate([features, np.ones((len(features), 1))], axis=1)
    found = label_features("planted", more, targets.argmax(axis=1), "planted")
    with double_precision():
        result = study(OPTIONS._replace(draws=2), found)
    assert result.notes == [
        "1 of 121 features are the same for all examples and are left out."
    ]


def test_curves_are_ridge_regressions_on_the_drawn_points_and_features():
    features, targets = planted()
    features = features / np.sqrt(np.mean(features**2))
    with double_precision():
        curves = measure_curves(features, targets, OPTIONS)
        stream = jax.random.fold_in(jax.random.key(6), OPTIONS.seed)
        keys = jax.random.split(jax.random.split(stream, OPTIONS.draws)[1])
        order, picks = (
            np.asarray(jax.random.permutation(key, size))
            for key, size in zip(keys, features.shape, strict=True)
        )

    def loss(d, p, ridge):
        mine = features[:, picks[:p]]
        x, y = mine[order[:d]], targets[order[:d]]
        weights = np.linalg.solve(x.T @ x + ridge * np.eye(p), x.T @ y)
        return np.mean((mine @ weights - targets) ** 2) / 2

    for curve in curves:
        for at, (size, ridge) in enumerate(zip(curve.sizes, curve.ridges, strict=True)):
            pair = (size, curve.fixed) if curve.over == "data" else (curve.fixed, size)
            found = curve.losses[at, 1]
            assert found == pytest.approx(loss(*pair, ridge), rel=1e-7), curve
    [limit] = [
        c.limits[1] for c in curves if (c.over, c.fixed, c.tuned) == ("data", 16, False)
    ]
    assert limit == pytest.approx(loss(1500, 16, 1e-2), rel=1e-7)


def test_the_best_ridge_is_no_worse_than_the_small_one():
    features, targets = planted()
    with double_precision():
        curves = measure_curves(features, targets, OPTIONS)
    for small, tuned in zip(curves[::2], curves[1::2], strict=True):
        assert (tuned.losses.mean(axis=1) <= small.losses.mean(axis=1) + 1e-12).all()
        assert not small.tuned and tuned.tuned and small.fixed == tuned.fixed


@pytest.mark.parametrize("falling", [0.0, 1.0])
def test_planted_coefficients_are_found(falling):
    features, targets = planted(falling)
    found = measure_coefficients(features, targets)
    assert found.value == pytest.approx(falling, abs=0.3)
    assert found.interval[0] < falling < found.interval[1]
    assert measure_coefficients(features[:, :6], targets).value is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data_sizes": (10, 50)}, "data_sizes must be below the 50 examples, got 50"),
        (
            {"feature_sizes": (10, 30)},
            "feature_sizes must be below the 30 features",
        ),
        ({"teacher_sizes": (10, 30)}, "teacher_sizes must be below the 30 features"),
        ({"fixed": (8, 40)}, "fixed must be below the 30 features, got 40"),
    ],
)
def test_sizes_beyond_the_population_are_refused(change, words):
    sizes = {
        "data_sizes": (10,),
        "feature_sizes": (10,),
        "teacher_sizes": (10,),
        "fixed": (8,),
    }
    with pytest.raises(InputError, match=words):
        check(Options(**{**sizes, **change}), 50, 30)


def test_the_figures_and_the_files_can_be_written(result):
    assert_can_be_written(result)
    for figure in plot_learned_features(**result.figure).values():
        assert_readable(figure)
