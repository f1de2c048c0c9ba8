"""The summaries of a workdir, and what of the workdir could not be read."""

import pathlib
from collections.abc import Iterator
from typing import NamedTuple

from scaletime_jax.errors import InputError
from shell.summary import Summary, read_summary

# What a reader asks, in this order, and the experiments that answer.
QUESTIONS = {
    "Is size worth time?": (
        "tradeoff",
        "equivalence",
        "where_it_holds",
        "rate_transfer",
        "linear_tradeoff",
        "subspace",
        "kernel_scale",
        "descent",
    ),
    "What predicts best?": ("extrapolate", "backtest", "rollout", "plan"),
    "What do data and noise do?": (
        "data_scaling",
        "label_noise",
        "linear_dynamics",
        "effective_size",
    ),
    "Why power laws?": (
        "random_features",
        "duality",
        "learned_features",
        "manifold_bounds",
        "variance_limited",
        "teacher_student",
        "resolution_limited",
        "data_distribution",
        "aspect_ratio",
        "student_functions",
    ),
}
OTHERS = "What else was found?"
ORDER = [name for names in QUESTIONS.values() for name in names]
# WORKDIR/NAME, WORKDIR/NAME/SETTING, WORKDIR/ANY/NAME and WORKDIR/ANY/NAME/SETTING.
DEPTH = 3


class Found(NamedTuple):
    """The content of a workdir.

    Attributes:
        results: in the order of `QUESTIONS`; others follow by name.
        problems: what cannot be shown and why, a sentence each.
    """

    results: list[Summary]
    problems: list[str]


def load(workdir: pathlib.Path) -> Found:
    """Returns the results of a workdir.

    Raises:
        InputError: there is nothing at all to show.
    """
    results: list[Summary] = []
    problems = []
    for folder in _folders(workdir):
        place = folder.relative_to(workdir).as_posix()
        try:
            if (folder / "summary.json").exists():
                results.append(read_summary(folder, place))
                problems += [_sentence(place, gap) for gap in results[-1].gaps]
            elif _is_half_written(folder):
                raise InputError(
                    "there is no summary.json; the experiment is still running, or was "
                    "interrupted"
                )
        except InputError as error:
            problems.append(_sentence(place, error))
        except OSError as error:
            problems.append(_sentence(place, f"cannot be read ({error.strerror})"))
    if not results and problems:
        more = f" (and {len(problems) - 1} more)" if problems[1:] else ""
        raise InputError(
            f"--workdir: nothing in {workdir} can be shown: {problems[0][:-1]}{more}; "
            "run the experiment again."
        )
    if not results:
        raise InputError(
            f"--workdir: there is no summary.json in any folder of {workdir}; run an "
            "experiment first, such as python experiments/tradeoff.py "
            f"--workdir={workdir}."
        )
    return Found(sorted(results, key=_place), problems)


def question(summary: Summary) -> str:
    """Returns the question that a result answers."""
    asked = (q for q, names in QUESTIONS.items() if summary.experiment in names)
    return next(asked, OTHERS)


def _sentence(place: str, reason: object) -> str:
    """Returns what is wrong where; a name's bytes that are no text become '?'."""
    return f"{place}: {reason}.".encode(errors="replace").decode()


def _place(summary: Summary) -> tuple[int, str, str]:
    name = summary.experiment
    known = ORDER.index(name) if name in ORDER else len(ORDER)
    return known, name, summary.label


def _folders(workdir: pathlib.Path) -> Iterator[pathlib.Path]:
    """Returns the folders that may hold a result; run tables hold none."""
    level = [workdir]
    for _ in range(DEPTH):
        level = [
            folder
            for parent in level
            for folder in sorted(parent.glob("[!.]*"))
            if folder.name != "runs" and folder.is_dir()
        ]
        yield from level


def _is_half_written(folder: pathlib.Path) -> bool:
    """Whether an experiment began to write here; only called without a summary."""
    above = folder.parent.name
    if folder.name in ORDER:  # settings may lie within
        return not any(folder.glob("*/summary.json"))
    return above in ORDER and any(folder.glob(f"{above}*"))
