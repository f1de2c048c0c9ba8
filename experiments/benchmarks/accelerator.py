"""All measurements on a GPU in one call, of which none is begun after seven minutes.

    pip install -e ".[bench]" "jax[cuda13]"
    python experiments/benchmarks/accelerator.py --output=results/accelerator

1. seed-steps a second with 64 lanes, beside PyTorch eager, compiled and as an
   ensemble, and the share of the machine's roof (`engine.py`);
2. the choices of `sweep/tuning.py`: how to convolve, for one lane and for many;
3. how time grows with the number of seeds (`growth.py`).

Measurements without time left are skipped, with a message; `--dry_run` measures none.
"""

import pathlib
import time

import engine
import growth
import minutes
from absl import flags
from cases import make_case

from scaletime_jax.models.patch_conv import METHODS

MINUTES = flags.DEFINE_float("minutes", 7.0, "Minutes after which none is begun.")
DRY_RUN = flags.DEFINE_bool(
    "dry_run", False, "Print the plan with its minutes, and exit."
)
CHOICES = flags.DEFINE_list("choices", "cnn:1,cnn:10", "Networks to compare choices.")
flags.adopt_module_key_flags(engine)
flags.adopt_module_key_flags(growth)
flags.set_default(engine.CASES, "mlp:1,cnn:1,mlp:10,cnn:10,cnn:100,mlp:100")
flags.set_default(engine.OPTIMIZER, "sgd")
flags.set_default(engine.NUM_SEEDS, 64)
flags.set_default(engine.ROUNDS, 3)
flags.set_default(engine.SECONDS, 0.5)
flags.set_default(growth.SEED_CASES, "mlp:10,cnn:1")
flags.set_default(growth.WIDTH_CASES, "mlp:1,mlp:10,mlp:100,cnn:1,cnn:10")


def compare_choices(until: float) -> list[dict]:
    """Times the convolution methods in turn, for one seed and for all seeds."""
    data, rows = engine.load_digits(), []
    for text in CHOICES.value:
        for seeds in (1, engine.NUM_SEEDS.value):
            if time.monotonic() > until:
                print(f"no time for the choices of {text} with {seeds} lanes")
                continue
            case = make_case(text)
            how = case, data, seeds, 25
            runs = {m: engine.make_ours(*how, convolution=m)[0] for m in METHODS}
            for run in runs.values():
                run()
            number = range(engine.ROUNDS.value)
            rounds = [{m: run() for m, run in runs.items()} for _ in number]
            steps = seeds * 25 * engine.TRAIN_SIZE / 32
            spreads = {}
            for method in METHODS:
                times = [1e6 * seconds[method] / steps for seconds in rounds]
                spreads[method] = engine.spread(times)
            row = {"case": case.name, "lanes": seeds, "microseconds": spreads}
            print(row, flush=True)
            rows.append(row)
    return rows


def main() -> None:
    """Measures, prints, and writes JSON, tables and figures."""
    if DRY_RUN.value:
        print(minutes.plan(CHOICES.value, len(METHODS), MINUTES.value))
        return
    start = time.monotonic()
    end = start + 60 * MINUTES.value
    record = engine.run_cases(until=start + 0.6 * (end - start))
    record["convolution"] = compare_choices(until=start + 0.8 * (end - start))
    folder = pathlib.Path(engine.OUTPUT.value or "results/accelerator")
    engine.write(folder, record)
    if time.monotonic() < end:
        growth.write(folder, growth.measure_growth())


if __name__ == "__main__":
    engine.cli.run(main)
