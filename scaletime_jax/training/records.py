"""The steps after which a run is evaluated."""

import functools

from scaletime_jax.errors import InputError
from scaletime_jax.training.batching import batches_per_epoch

RECORDS = ("epochs", "log_steps", "both", "end")
LOG_EPOCHS = 3  # beyond this epoch whole epochs are at most a third apart
STEPS_PER_DECADE = 10
# Steps are counted in 32 bits, and every evaluation is a row of the run table.
MAX_STEPS = 2**31 - 1
MAX_EPOCHS_RECORDED = 10**6


@functools.cache
def make_records(
    train_size: int,
    batch_size: int,
    epochs: int,
    record: str = "both",
    steps: int = 0,
) -> tuple[int, ...]:
    """Returns the increasing steps after which metrics are recorded.

    Args:
        train_size: examples in the training set.
        batch_size: examples in a step.
        epochs: passes through the training set.
        record: 'epochs' (the end of each epoch), 'log_steps' (ten steps a decade),
            'both' (log_steps up to the end of the third epoch, then epochs), or 'end'
            (the last step alone).
        steps: length of the run, instead of epochs; 0 for epochs.

    Returns:
        Steps from 0 (before training) to the last step, both included; 'end' has no 0.

    Raises:
        InputError: there are too many steps, or too many epochs to record each.
    """
    per_epoch = batches_per_epoch(train_size, batch_size)
    last = steps or epochs * per_epoch
    if last > MAX_STEPS:
        raise InputError(
            f"a run of {last:,} steps is longer than {MAX_STEPS:,}; choose fewer "
            "epochs or steps, or a larger batch_size."
        )
    if record in ("epochs", "both") and last // per_epoch > MAX_EPOCHS_RECORDED:
        raise InputError(
            f"record {record!r} evaluates a run {last // per_epoch:,} times, more than "
            f"{MAX_EPOCHS_RECORDED:,}; choose record 'log_steps', or fewer epochs."
        )
    if record == "end":
        return (last,)
    stops = {0, last}
    if record in ("epochs", "both"):
        stops.update(range(0, last + 1, per_epoch))
    if record in ("log_steps", "both"):
        end = last if record == "log_steps" else min(last, LOG_EPOCHS * per_epoch)
        exponent, step = 0, 1
        while step <= end:
            stops.add(step)
            exponent += 1
            step = round(10 ** (exponent / STEPS_PER_DECADE))
    return tuple(sorted(stops))
