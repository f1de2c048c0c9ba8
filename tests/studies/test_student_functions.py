"""Students of teachers: the runs of a sweep, and students without training."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from written import assert_can_be_written

from scaletime_jax.errors import InputError
from scaletime_jax.stats.estimates import Estimate
from scaletime_jax.studies.student_functions import make_claims, study
from scaletime_jax.studies.taught_students import (
    Hidden,
    Options,
    Other,
    mean_ratio_dimension,
    other_loss,
)
from scaletime_jax.sweep.students import Students

SMALL = Options(
    dims=(2,),
    segment_dim=2,
    segment_sizes=(20, 40),
    hidden_size=40,
    other_sizes=(30, 60, 120, 240),
    seeds=(1, 2),
)
STUDENTS = Students(steps=20, width=8, teacher_width=8, pool=400, test=300)


@pytest.fixture(scope="module")
def result():
    return study(SMALL, STUDENTS)


@pytest.fixture(scope="module")
def student():
    [student] = STUDENTS.fit(2, [40], [2])
    return student


def test_other_students_have_the_examples_of_the_networks(student):
    run = student.run
    np.testing.assert_array_equal(run.inputs, STUDENTS.train_inputs(2, 2, 40))
    targets = STUDENTS.teach(2, 2, run.inputs)
    np.testing.assert_allclose(targets, run.targets[:, 0], atol=1e-6)
    assert np.abs(targets - STUDENTS.teach(2, 1, run.inputs)).max() > 0.1


def test_the_last_layer_on_the_hidden_layer_gives_the_outputs(student):
    inputs = student.run.inputs
    hidden = student.hidden_layer(inputs)
    assert hidden.shape == (40, 8) and hidden.min() >= 0
    last = student.run.variables.params["Dense_2"]
    outputs = hidden @ np.asarray(last["kernel"]).T + np.asarray(last["bias"])
    np.testing.assert_allclose(outputs[:, 0], student.outputs(inputs), atol=1e-6)


def test_the_segment_joins_two_examples_of_all_students(result):
    segment = result.figure["segment"]
    taught = STUDENTS.teach(2, 1, STUDENTS.train_inputs(2, 1, 2))
    np.testing.assert_allclose(segment.teacher[[0, -1]], taught, atol=1e-6)
    assert segment.students.shape == (2, len(segment.positions))
    positions = [row["position"] for row in result.tables["segment"]]
    assert positions == segment.positions.tolist()
    apart = segment.students - segment.teacher
    np.testing.assert_allclose(segment.errors, np.sqrt((apart**2).mean(axis=1)))


def test_the_nearest_example_is_the_nearest():
    rng = np.random.default_rng(0)
    inputs, tests = rng.random((50, 3)) - 0.5, rng.random((40, 3)) - 0.5
    targets, truth = rng.normal(size=50), rng.normal(size=40)
    expected = targets[cdist(tests, inputs).argmin(axis=1)]
    found = other_loss("nearest", inputs, targets, tests, truth)
    assert found == pytest.approx(np.mean((expected - truth) ** 2))


def test_linear_interpolation_is_exact_for_a_linear_function_alone():
    rng = np.random.default_rng(0)
    inputs, tests = rng.random((200, 2)) - 0.5, (rng.random((50, 2)) - 0.5) / 2
    slope = np.array([3.0, -1.0])
    found = other_loss("linear", inputs, inputs @ slope, tests, tests @ slope)
    assert found < 1e-20
    square = other_loss("linear", inputs, inputs[:, 0] ** 2, tests, tests[:, 0] ** 2)
    assert 1e-8 < square < 1e-4


def test_equal_points_are_left_out_of_a_dimension():
    points = np.random.default_rng(0).random((2000, 2))
    twice = np.concatenate([points, points[:500]])
    assert mean_ratio_dimension(twice) == pytest.approx(mean_ratio_dimension(points))


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, "holds"), (0.5, "fails")])
def test_planted_dimensions_and_exponents_are_judged(factor, verdict):
    near = Estimate(3 * factor, (2.9 * factor, 3.1 * factor), 5)
    ones = np.ones((4, 2))
    other = Other("linear", 3, np.arange(1, 5), ones, np.ones(4, bool), near, "")
    claims = make_claims([Hidden(3, near, near)], [other])
    assert [claim.verdict for claim in claims] == [verdict] * 3
    assert claims[-1].source == "[B21, Sec. 2.2.3]"


def test_results_can_be_written_and_figures_read(result):
    assert_can_be_written(result)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"other_sizes": (30, 60, 120)}, "other_sizes needs 4 sizes or more"),
        ({"other_sizes": (30, 120, 60, 240)}, "must be ascending"),
        ({"seeds": (1,)}, "seeds must be two or more"),
        ({"dims": (0,)}, "dims"),
    ],
)
def test_impossible_options_are_refused(change, words):
    with pytest.raises(InputError, match=words):
        study(SMALL._replace(**change), STUDENTS)


def test_training_sets_larger_than_the_pool_are_refused():
    with pytest.raises(InputError, match="sets of 500 are larger than the pool of 400"):
        STUDENTS.check(500)
    STUDENTS.check(400)
