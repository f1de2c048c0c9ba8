"""What `accelerator.py` will measure, and about how long, without measuring."""

import engine
import growth

# Of a program on an accelerator, by assumption; most of the time is compilation.
COMPILE_SECONDS = 10.0
# Programs of a network beside ours, which chooses its lanes with another program:
# PyTorch eager, compiled, and as an ensemble.
WAYS = 3
UNTIMED = 2  # rounds: one to choose the number of steps, one to begin


def plan(choices: list[str], methods: int, minutes: float) -> str:
    """Returns a line a measurement, and the minutes of all.

    Args:
        choices: networks for which ways to convolve are compared.
        methods: number of these ways.
        minutes: after which no measurement is begun.
    """
    cases = len(engine.CASES.value) * len(engine.OPTIMIZER.value)
    ways = 2 * len(choices) * methods
    many, widths = len(growth.SEEDS.value), len(growth.WIDTH_CASES.value)
    # a program less for what an ensemble of PyTorch does not compile
    parts = [
        ("networks beside PyTorch", cases, cases * (2 + WAYS - 1), cases * (1 + WAYS)),
        ("ways to convolve", 2 * len(choices), ways, ways),
        (
            "growth with seeds and width",
            len(growth.SEED_CASES.value) * many + widths,
            len(growth.SEED_CASES.value) * (many + 1) + 2 * widths,
            len(growth.SEED_CASES.value) * many + widths,
        ),
    ]
    rounds = engine.ROUNDS.value + UNTIMED
    lines, total = [], 0.0
    for name, measured, programs, timed in parts:
        took = programs * COMPILE_SECONDS + timed * rounds * engine.SECONDS.value
        total += took / 60
        lines.append(
            f"{name}: {measured} measurements, {programs} programs, about "
            f"{took / 60:.1f} minutes"
        )
    bound = f"none is begun after {minutes:g}" if total > minutes else "all are done"
    lines.append(
        f"In all about {total:.1f} minutes, if a program compiles in "
        f"{COMPILE_SECONDS:g} seconds; {bound}."
    )
    return "\n".join(lines)
