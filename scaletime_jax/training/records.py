"""The steps after which a run is evaluated."""

from scaletime_jax.training.batching import batches_per_epoch

RECORDS = ("epochs", "log_steps", "both", "end")
LOG_EPOCHS = 3  # beyond this epoch whole epochs are at most a third apart
STEPS_PER_DECADE = 10


def make_records(
    train_size: int, batch_size: int, epochs: int, record: str = "both"
) -> tuple[int, ...]:
    """Returns the increasing steps after which metrics are recorded.

    Args:
        train_size: examples in the training set.
        batch_size: examples in a step.
        epochs: passes through the training set.
        record: 'epochs' (the end of each epoch), 'log_steps' (ten steps a decade),
            'both' (log_steps up to the end of the third epoch, then epochs), or 'end'
            (the last step alone).

    Returns:
        Steps from 0 (before training) to the last step, both included; 'end' has no 0.
    """
    per_epoch = batches_per_epoch(train_size, batch_size)
    last = epochs * per_epoch
    if record == "end":
        return (last,)
    steps = {0, last}
    if record in ("epochs", "both"):
        steps.update(range(0, last + 1, per_epoch))
    if record in ("log_steps", "both"):
        end = last if record == "log_steps" else min(last, LOG_EPOCHS * per_epoch)
        exponent, step = 0, 1
        while step <= end:
            steps.add(step)
            exponent += 1
            step = round(10 ** (exponent / STEPS_PER_DECADE))
    return tuple(sorted(steps))
