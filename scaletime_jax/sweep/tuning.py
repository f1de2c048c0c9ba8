"""The fastest choices for each kind of device; no choice changes a result.

On two CPU cores (Zen 5, JAX 0.10), whole training steps in one process, in turn:

- convolution: at widths 1, 5, 10 patches took 1 / 3.9, 1 / 2.6, 1 / 2.0 of the time
  of shifted products (one for each kernel element), and at width 1 1 / 23 of XLA's
  convolution;
- lanes of a core: one lane after the other, with ordinary matrix products, is 1.2
  times (MLP, width 20) to 2 times (CNN) faster than batched products, and equally fast
  for small MLPs;
- evaluation: batches of 64 images take the same time per image as batches of up to
  256 for the MLP, and up to 1.3 times less for the CNN, whose patches then stay in the
  cache;
- compiler: optimization level 1 compiles in 0.75 (MLP) and 0.6 (CNN) of the time, and
  the programs are not slower, because the products are library calls.

Accelerators have not been measured; `experiments/benchmarks/accelerator.py` measures
them.
"""

from typing import NamedTuple


class Tuning(NamedTuple):
    """Choices for one kind of device.

    Attributes:
        convolution: a method of `models.patch_conv`.
        lanes_in_turn: whether lanes of a device run one after the other.
        evaluation_batch: number of images evaluated together.
        compiler_options: options of `jax.stages.Lowered.compile`.
    """

    convolution: str
    lanes_in_turn: bool
    evaluation_batch: int
    compiler_options: dict[str, str | bool]


CPU = Tuning("patches", True, 64, {"xla_backend_optimization_level": "1"})
ACCELERATOR = Tuning("patches", False, 500, {})


def make_tuning(backend: str) -> Tuning:
    """Returns the choices for a backend, named as in JAX."""
    return CPU if backend == "cpu" else ACCELERATOR
