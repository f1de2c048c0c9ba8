"""Figure 2 of Bahri et al., left: what students of random teachers learn.

Students are trained on several numbers of a random teacher's examples and evaluated
between two of them. Beside them: the dimension of the inputs and of the students' last
hidden layer, measured from distances to neighbours, and two students without training
on the same examples: the nearest example's value, and linear interpolation. Writes to
WORKDIR/student_functions the figures, their points as CSV, and summary.json.

  python experiments/student_functions.py \
      --flagfile=experiments/flagfiles/student_functions/laptop.flags
"""

from typing import Any

from absl import flags
from shell import cli, progress, results
from shell import flags as common

from scaletime_jax.runs import store
from scaletime_jax.studies import student_functions
from scaletime_jax.studies.taught_students import Options
from scaletime_jax.sweep.students import Students

flags.adopt_module_key_flags(common)
DEFAULTS = {**Options()._asdict(), **Students()._asdict()}
DESCRIBED = {
    "dims": "Numbers of inputs.",
    "segment_dim": "Number of inputs of the students along the segment.",
    "segment_sizes": "Numbers of examples of the students along the segment.",
    "hidden_size": "Number of examples of students whose hidden layer is measured.",
    "other_sizes": "Numbers of examples of the students without training.",
    "seeds": "Each draws a teacher, a student and its examples.",
    "steps": "Training steps of a student.",
    "width": "Units of a hidden layer of a student.",
    "teacher_width": "Units of a hidden layer of a teacher.",
    "pool": "Inputs from which training sets are drawn.",
    "test": "Test inputs.",
}


def _define(name: str, default):
    if isinstance(default, int):
        return flags.DEFINE_integer(name, default, DESCRIBED[name])
    return flags.DEFINE_list(name, [*map(str, default)], DESCRIBED[name])


FLAGS = {name: _define(name, value) for name, value in DEFAULTS.items()}


def main() -> None:
    """From flags to figure."""
    values: dict[str, Any] = {
        name: flag.value
        if isinstance(flag.value, int)
        else common.positive_numbers(flag, int)
        for name, flag in FLAGS.items()
    }
    options = Options(**{name: values[name] for name in Options._fields})
    students = Students(**{name: values[name] for name in Students._fields})
    student_functions.check(options)
    students.check(student_functions.largest(options))
    if common.DRY_RUN.value:
        networks = len(options.segment_sizes) + len(options.dims) * len(options.seeds)
        print(
            f"draws teachers, trains {networks} students of {students.steps:,} steps."
        )
        return
    # report an impossible folder now, not at the end
    store.prepare(common.workdir() / student_functions.NAME)
    results.finish(student_functions.study(options, students, progress.track))


if __name__ == "__main__":
    cli.run(main)
