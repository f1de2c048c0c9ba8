"""A target whose Lipschitz constant and range are known."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from scaletime_jax.theory.manifolds import Points, check_manifold

# Least frequency of period 1, and on the others half a period from end to end or less.
FREQUENCIES = {"cube": np.pi, "sphere": 1.0, "torus": 2 * np.pi}


class SineTeacher(NamedTuple):
    """F(x) = sum_i a_i sin(omega x_i + phi_i).

    Attributes:
        amplitudes: [coordinates] a.
        phases: [coordinates] phi.
        frequency: omega, > 0.
    """

    amplitudes: Float[np.ndarray, "coordinates"]
    phases: Float[np.ndarray, "coordinates"]
    frequency: float

    @property
    def lipschitz(self) -> float:
        """K_F = omega |a|, since dF/dx_i = omega a_i cos(omega x_i + phi_i).

        On a sphere the distance along the sphere is not below the straight one, so that
        the constant holds too.
        """
        return float(self.frequency * np.linalg.norm(self.amplitudes))

    @property
    def range(self) -> float:
        """2 sum_i |a_i|, the largest difference of two values."""
        return float(2 * np.abs(self.amplitudes).sum())


def draw_teacher(name: str, dim: int, rng: np.random.Generator) -> SineTeacher:
    """Returns a teacher with K_F = 1, random direction and random phases.

    Args:
        name: of the manifold; on a torus the teacher has period 1.
        dim: d.
        rng: is advanced.

    Raises:
        InputError: the manifold is unknown, or the dimension is below 1.
    """
    check_manifold(name, dim)
    count = dim + (name == "sphere")
    direction = rng.normal(size=count)
    phases = 2 * np.pi * rng.random(count)
    length = FREQUENCIES[name] * np.linalg.norm(direction)
    return SineTeacher(direction / length, phases, FREQUENCIES[name])


def teach(teacher: SineTeacher, points: Points) -> Float[np.ndarray, "n"]:
    """Returns F at points [n, coordinates]."""
    waves = np.sin(teacher.frequency * points + teacher.phases)
    return waves @ teacher.amplitudes


def teach_steps(teacher: SineTeacher, points: Points) -> Float[np.ndarray, "n"]:
    """Returns 1 where F is above 0, else 0: a target that no constant bounds."""
    return (teach(teacher, points) > 0).astype(float)
