"""The scale of a finite ReLU network's tangent kernel at the start, in closed form.

In the lazy regime at a fixed learning rate, the time to learn is one over the kernel's
scale. So the slope of log scale over log num_params is a prediction of kappa, the
exponent of size in size^kappa x time.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Real

from scaletime_jax.arguments import Scalar, require, require_least, require_positive
from scaletime_jax.errors import InputError


class LayerDraw(NamedTuple):
    """How the parameters of one dense layer a = gain W h + b are drawn.

    Attributes:
        weight_variance: variance of an entry of W, >= 0.
        bias_variance: variance of an entry of b, >= 0.
        gain: factor of W in the layer's result.
    """

    weight_variance: Scalar
    bias_variance: Scalar = 0.0
    gain: Scalar = 1.0


class KernelScale(NamedTuple):
    """The mean diagonal of the tangent kernel, by layers from the first to the last.

    Attributes:
        weights: [layers] mean squared derivative with respect to the weights.
        biases: [layers] likewise of the biases.
        num_params: number of parameters.
    """

    weights: Float[Array, "layers"]
    biases: Float[Array, "layers"]
    num_params: int

    @property
    def total(self) -> Float[Array, ""]:
        """The mean diagonal of the kernel, of all parameters together."""
        return jnp.sum(self.weights) + jnp.sum(self.biases)


def draw_layers(parameterisation: str, units: Sequence[int]) -> list[LayerDraw]:
    """Returns how the layers of a network are drawn, under the field's names.

    - 'pytorch': W and b uniform in +-1/sqrt(fan_in), of variance 1 / (3 fan_in);
    - 'lecun', 'he': W of variance 1 / fan_in and 2 / fan_in, b zero;
    - 'glorot': W of variance 2 / (fan_in + fan_out), b zero;
    - 'ntk': W of variance 1 with gain sqrt(2 / fan_in), b zero [Jacot et al. 2018].

    Args:
        parameterisation: one of these names.
        units: numbers of inputs, of each hidden layer's units, and of outputs.

    Raises:
        InputError: the name is unknown.
    """
    makers = {
        "pytorch": lambda n, _: LayerDraw(1 / (3 * n), 1 / (3 * n)),
        "lecun": lambda n, _: LayerDraw(1 / n),
        "he": lambda n, _: LayerDraw(2 / n),
        "glorot": lambda n, m: LayerDraw(2 / (n + m)),
        "ntk": lambda n, _: LayerDraw(1.0, 0.0, (2 / n) ** 0.5),
    }
    if parameterisation not in makers:
        names = ", ".join(makers)
        raise InputError(f"parameterisation {parameterisation!r} is none of {names}.")
    return [makers[parameterisation](*fans) for fans in pairwise(units)]


def kernel_scale(
    square_norm: Scalar, units: Sequence[int], draws: Sequence[LayerDraw]
) -> KernelScale:
    """Returns E Theta(x, x) of one output of a ReLU network, exact at any width.

    With s_l = gain_l^2 var(W_l), t_l = var(b_l) and n_l units, from h_0 = x on

        H_l = E|h_l|^2 = n_l (s_l H_(l-1) + t_l) / 2,
        D_l = E|df/da_l|^2 = n_l s_(l+1) D_(l+1) / 2,   D_L = 1,
        E Theta(x, x) = sum_l (gain_l^2 H_(l-1) + A_l) D_l.

    The recursion is exact, not of leading order: W and b of a unit have the same
    distribution as -W and -b, and the sign of a unit's result changes with theirs, so
    that the mean over a unit of any even function is one half of the mean without the
    ReLU [ours]. A_l = 1 but in a hidden layer without random biases. There A_l is the
    chance that an input of the layer is not zero, since all units of a layer are off
    with a chance of 2^(-n); relu'(0) = 0.

    With weights of variance 1 / fan_in and hidden layers of n units the scale grows as
    n, and num_params as n^2: a slope of 1/2. With NT parameterisation the scale has a
    limit, and also with 'glorot', whose first layer shrinks as the width grows: a slope
    of 0. The weights are drawn from a distribution without atoms.

    Args:
        square_norm: |x|^2 of an input, or the mean over inputs, > 0.
        units: numbers of inputs, of each hidden layer's units, and of outputs; of the
            outputs one is looked at, but all are counted in num_params.
        draws: of each layer, from the first to the last.

    Raises:
        InputError: a number is out of range, or draws are not one less than units.
    """
    layers = len(draws)
    require(
        layers >= 1 and len(units) == layers + 1,
        f"units must be one more than layers, got {len(units)} and {layers}.",
    )
    require_positive("square_norm", square_norm)
    require_least("units", list(units), 1)
    for draw in draws:
        require_least("weight_variance", draw.weight_variance, 0)
        require_least("bias_variance", draw.bias_variance, 0)
    strength = [draw.gain**2 * draw.weight_variance for draw in draws]
    norms = [jnp.asarray(square_norm)]
    for number, draw in enumerate(draws[:-1]):
        each = strength[number] * norms[-1] + draw.bias_variance
        norms.append(units[number + 1] * each / 2)
    slopes = [jnp.ones_like(norms[0])]
    for number in range(layers - 1, 0, -1):
        slopes.append(units[number] * strength[number] * slopes[-1] / 2)
    derivatives = jnp.stack(slopes[::-1])
    alive, reached = jnp.ones(()), []
    for size, draw in zip(units[1:], draws[:-1], strict=False):
        reached.append(jnp.where(jnp.asarray(draw.bias_variance) > 0, 1.0, alive))
        alive = reached[-1] * (1 - 0.5**size)
    reached.append(jnp.ones(()))  # no ReLU comes after the last layer
    gains = jnp.stack([jnp.asarray(draw.gain) ** 2 for draw in draws])
    count = sum((a + 1) * b for a, b in pairwise(units))
    weights = gains * jnp.stack(norms) * derivatives
    return KernelScale(weights, jnp.stack(reached) * derivatives, count)


def predicted_slopes(scales: Sequence[KernelScale]) -> Real[Array, "pairs"]:
    """Returns d log scale / d log num_params between neighbouring networks.

    It is the kappa of size^kappa x time that the lazy regime has at one learning rate.

    Args:
        scales: two or more, of ascending num_params.

    Raises:
        InputError: num_params do not ascend.
    """
    sizes = jnp.asarray([float(each.num_params) for each in scales])
    require(
        len(scales) >= 2 and bool(jnp.all(jnp.diff(sizes) > 0)),
        "slopes need two or more networks of ascending num_params.",
    )
    totals = jnp.stack([each.total for each in scales])
    return jnp.diff(jnp.log(totals)) / jnp.diff(jnp.log(sizes))
