"""Many sizes from one factorisation against each size on its own."""

import numpy as np
import pytest

from scaletime_jax.errors import InputError
from scaletime_jax.theory.random_features import teacher_student_loss
from scaletime_jax.theory.student_losses import student_losses

N, S = 120, 40


@pytest.fixture(scope="module")
def population():
    rng = np.random.default_rng(0)
    return rng.normal(size=(N, S)) * np.arange(1, S + 1) ** -0.8


def test_sizes_on_both_sides_of_the_data(population):
    rng, sizes = np.random.default_rng(1), [4, 16, 22, 30]
    points, projection = population[rng.permutation(N)[:16]], rng.normal(size=(30, S))
    known = {"population_features": population}
    losses = student_losses(points, projection, sizes, **known)
    alone = [teacher_student_loss(points, projection[:p], **known) for p in sizes]
    np.testing.assert_allclose(losses, alone, rtol=1e-9)
    assert losses[1] > 3 * max(losses[0], losses[-1])  # the peak of double descent


@pytest.mark.slow
def test_many_numbers_of_points_by_exchange(population):
    rng, sizes = np.random.default_rng(2), [5, 10, 50]
    order, projection = rng.permutation(N)[:50], rng.normal(size=(10, S))
    exchanged = (population @ projection.T).T
    losses = student_losses(exchanged, order, sizes, population_features=population.T)
    known = {"population_features": population}
    points = [population[order[:d]] for d in sizes]
    alone = [teacher_student_loss(each, projection, **known) for each in points]
    np.testing.assert_allclose(losses, alone, rtol=1e-9)


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ([], "at least one|one at least"),
        ([4, 2], "ascend"),
        ([0, 3], "from 1 to P = 6"),
        ([7], "from 1 to P = 6"),
    ],
)
def test_mistakes_are_one_sentence(population, sizes, words):
    with pytest.raises(InputError, match=words):
        student_losses(
            population[:5], np.arange(6), sizes, population_features=population
        )
