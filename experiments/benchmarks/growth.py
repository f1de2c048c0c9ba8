"""The time of a seed-step against the number of seeds and against width.

    python experiments/benchmarks/growth.py --output=experiments/results/benchmarks

Points are medians of interleaved rounds, and bands are their range. The time should not
depend on the number of seeds. Dashes on the right grow as the number of operations.
"""

import json
import pathlib

import engine
import jax
from absl import flags
from cases import Case, make_case

from scaletime_jax.plotting.benchmarks import plot_growth
from scaletime_jax.plotting.style import save_figure

cli = engine.cli
SEED_CASES = flags.DEFINE_list(
    "seed_cases", "mlp:1,mlp:10,cnn:1", "Networks for the time against seeds."
)
SEEDS = flags.DEFINE_list("seeds", "1,2,4,8,16,32,64", "Numbers of seeds.")
WIDTH_CASES = flags.DEFINE_list(
    "width_cases",
    "mlp:1,mlp:2,mlp:5,mlp:10,mlp:20,mlp:50,cnn:1,cnn:2,cnn:5,cnn:10",
    "Networks for the time against width.",
)


def time_rows(trials: list[tuple[Case, int, int]]) -> list[dict]:
    """Times (case, seeds, epochs) in turn and returns a row for each."""
    data = engine.load_digits()
    programs = [engine.make_ours(case, data, s, e)[0] for case, s, e in trials]
    for run in programs:
        run()
    rounds = [[run() for run in programs] for _ in range(engine.ROUNDS.value)]
    rows = []
    for number, (case, seeds, epochs) in enumerate(trials):
        steps = seeds * epochs * engine.TRAIN_SIZE / 32
        rows.append(
            {
                "architecture": case.architecture,
                "width": case.width,
                "seeds": seeds,
                "flops_a_step": engine.step_cost(case, data)[0],
                "microseconds": engine.spread(
                    [1e6 * seconds[number] / steps for seconds in rounds]
                ),
            }
        )
    return rows


def epochs_for(case: Case) -> int:
    """Returns enough epochs for the start and the evaluation of a lane to be short."""
    data = engine.load_digits()
    run, _ = engine.make_ours(case, data, jax.local_device_count(), 5)
    run()
    return max(25, round(5 * engine.SECONDS.value / 8 / run()))


def measure_growth() -> dict:
    """Returns the rows of both panels, and prints them."""
    record: dict = {"setting": engine.describe_machine(), "seeds": [], "widths": []}
    for text in SEED_CASES.value:
        case = make_case(text)
        epochs = epochs_for(case)
        record["seeds"] += time_rows([(case, int(s), epochs) for s in SEEDS.value])
    trials = [
        (make_case(text), 2 * jax.local_device_count()) for text in WIDTH_CASES.value
    ]
    record["widths"] = time_rows([(c, s, epochs_for(c)) for c, s in trials])
    for row in record["seeds"] + record["widths"]:
        print(
            f"{row['architecture']} width {row['width']}, {row['seeds']} seeds: "
            f"{row['microseconds']['median']:,.1f} us a seed-step"
        )
    return record


def write(folder: pathlib.Path, record: dict) -> None:
    """Writes growth.json and the figure."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "growth.json").write_text(json.dumps(record, indent=1) + "\n")
    save_figure(plot_growth(record), folder / "growth")


def main() -> None:
    """Prints the rows and writes JSON and figure."""
    record = measure_growth()
    if engine.OUTPUT.value:
        write(pathlib.Path(engine.OUTPUT.value), record)


if __name__ == "__main__":
    cli.run(main)
