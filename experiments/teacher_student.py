r"""Figures 2, S2 and S4 of Bahri et al.: exponents of students of random teachers.

Students with two hidden layers are fitted to random ReLU teachers on inputs of several
dimensions: on fixed training sets of many sizes (the exponent over data), or, with
--batching=fresh, on new examples at every step with students of many widths (the
exponent over model size). Trains the missing runs in WORKDIR/runs, then writes to
WORKDIR/teacher_student the figure, the losses as CSV, and summary.json: four over each
exponent beside the dimension, with intervals and verdicts.

  python experiments/teacher_student.py \
    --flagfile=experiments/flagfiles/teacher_student/laptop.flags
"""

from absl import flags
from shell import cli, results, runs, sweep

from scaletime_jax.studies import teacher_student

flags.adopt_module_key_flags(runs)
DIMENSIONS = range(2, 10)
# The setting of [B21, A.1].
flags.set_default(
    sweep.DATASET, [f"teacher:d={dimension},width=96" for dimension in DIMENSIONS]
)
flags.set_default(sweep.ARCHITECTURE, ["mlp2"])
flags.set_default(sweep.WIDTHS, ["192"])
flags.set_default(
    sweep.TRAIN_SIZES, ["30", "100", "300", "1000", "3000", "10000", "30000", "100000"]
)
flags.set_default(sweep.OPTIMIZER, ["adam"])
flags.set_default(sweep.RATES, ["0.003"])
flags.set_default(sweep.BATCH_SIZE, 64)
flags.set_default(sweep.RECORD, "log_steps")
flags.FLAGS.set_default("schedule", ["cosine"])
flags.FLAGS.set_default("steps", ["40000"])


def main() -> None:
    """From flags to figure."""
    found = runs.obtain(
        needs=("train_size", "train_loss"), check=teacher_student.check_grid
    )
    if found is not None:
        results.finish(teacher_student.study(found), found)


if __name__ == "__main__":
    cli.run(main)
