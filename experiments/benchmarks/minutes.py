"""What `accelerator.py` will measure, and about how long, without measuring."""

from typing import NamedTuple

import engine
import growth

# Of a program on an accelerator, by assumption; most of the time is compilation.
COMPILE_SECONDS = 10.0
# Programs of a network beside ours, which chooses its lanes with another program:
# PyTorch eager, compiled, and as an ensemble.
WAYS = 3
UNTIMED = 2  # rounds: one to choose the number of steps, one to begin


class Part(NamedTuple):
    """What one part measures.

    Attributes:
        name: in words.
        measured: number of measurements.
        programs: number of programs to compile.
        timed: number of programs that take turns in rounds.
    """

    name: str
    measured: int
    programs: int
    timed: int


def plan(choices: list[str], methods: int, minutes: float) -> str:
    """Returns a line a measurement, and the minutes of all.

    Args:
        choices: networks for which ways to convolve are compared.
        methods: number of these ways.
        minutes: after which no measurement is begun.
    """
    cases = len(engine.CASES.value) * len(engine.OPTIMIZER.value)
    many, widths = len(growth.SEEDS.value), len(growth.WIDTH_CASES.value)
    lanes, networks = 2 * len(choices), len(growth.SEED_CASES.value)
    ways, grown = lanes * methods, networks * many + widths
    # eager PyTorch compiles nothing
    parts = [
        Part("networks beside PyTorch", cases, cases * (1 + WAYS), cases * (1 + WAYS)),
        Part("ways to convolve", lanes, ways, ways),
        Part("growth with seeds and width", grown, grown + networks + widths, grown),
    ]
    rounds = engine.ROUNDS.value + UNTIMED
    lines, total = [], 0.0
    for part in parts:
        took = part.programs * COMPILE_SECONDS
        took += part.timed * rounds * engine.SECONDS.value
        total += took / 60
        lines.append(
            f"{part.name}: {part.measured} measurements, {part.programs} programs, "
            f"about {took / 60:.1f} minutes"
        )
    bound = f"none is begun after {minutes:g}" if total > minutes else "all are done"
    lines.append(
        f"In all about {total:.1f} minutes, if a program compiles in "
        f"{COMPILE_SECONDS:g} seconds; {bound}."
    )
    return "\n".join(lines)
