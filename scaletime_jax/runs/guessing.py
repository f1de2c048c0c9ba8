"""What guessing costs."""

import math


def chance_loss(name: str, num_classes: int) -> float:
    """The loss of predicting C equally frequent classes with no look at the image.

    (1/C)(1 - 1/C) for 'mse' (0.09 at C = 10, the threshold of [BF24, C.2]) and
    log C for 'cross_entropy'. Where the classes are not equally frequent, guessing
    their frequencies costs less than this.
    """
    if name == "mse":
        return (1 - 1 / num_classes) / num_classes
    return math.log(num_classes)
