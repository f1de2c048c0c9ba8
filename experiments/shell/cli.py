"""What every experiment shares: its start, its errors, its end, its results."""

import csv
import json
import math
import os
import pathlib
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import NoReturn

import jax
import pandas as pd
from absl import app, flags, logging
from matplotlib.figure import Figure

from scaletime_jax.data.cache import cache_dir
from scaletime_jax.errors import InputError
from scaletime_jax.plotting.style import save_figure
from scaletime_jax.runs import store
from scaletime_jax.runs.logs import UNKNOWN
from scaletime_jax.stats.claims import Claim, count_verdicts
from scaletime_jax.stats.estimates import Estimate, describe_estimate
from scaletime_jax.sweep import provenance


def run(main) -> None:
    """Runs `main()` as an absl program whose mistakes of input end in exit code 2."""

    def guarded(argv):
        if argv[1:]:
            fail(f"unexpected argument {argv[1]!r}; flags are written --name=value.")
        logging.set_verbosity(logging.ERROR)
        warnings.showwarning = lambda message, *_, **__: print(
            f"warning: {message}.", file=sys.stderr
        )
        signal.signal(signal.SIGINT, interrupted)
        use_all_cores()
        keep_programs()
        try:
            main()
            sys.stdout.flush()
        except InputError as error:
            fail(str(error))
        except BrokenPipeError:  # whoever read our output, such as head, has left
            os._exit(141)

    app.run(guarded, flags_parser=parse)


def parse(argv: list[str]) -> list[str]:
    """Parses flags; a mistake is one line and exit code 2, help is exit code 0."""
    try:
        return flags.FLAGS(argv)
    except flags.Error as error:
        fail(str(error).replace("ERROR:: ", "").strip().splitlines()[0])
    except SystemExit:
        if any(word.lstrip("-").startswith("help") for word in argv[1:]):
            sys.exit(0)
        raise


def interrupted(*_) -> NoReturn:
    """Ends the program at Ctrl-C, at once: whatever stands on disk stands whole.

    An exception would wait for the device's threads, and could be lost in a callback.
    """
    message = "\ninterrupted; finished programs are kept, the same command goes on.\n"
    os.write(sys.stderr.fileno(), message.encode())
    os._exit(130)


def fail(sentence: str) -> NoReturn:
    """Prints the sentence and ends the program with exit code 2."""
    print(f"error: {sentence}", file=sys.stderr)
    sys.exit(2)


def use_all_cores() -> None:
    """Gives JAX a CPU device a core, over which lanes are spread."""
    if "xla_force_host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
        known = hasattr(os, "sched_getaffinity")  # not on macOS
        cores = len(os.sched_getaffinity(0)) if known else os.cpu_count()
        jax.config.update("jax_num_cpu_devices", cores)


def keep_programs() -> None:
    """Keeps compiled programs for the next time, in the cache directory.

    JAX's own setting of where goes first.
    """
    if jax.config.values["jax_compilation_cache_dir"] is None:
        jax.config.update("jax_compilation_cache_dir", str(cache_dir() / "programs"))


def flag_values() -> dict:
    """Returns every flag of the experiment, with its value."""
    own = flags.FLAGS.get_key_flags_for_module(sys.argv[0])
    return {flag.name: flag.value for flag in sorted(own, key=lambda f: f.name)}


def records(**columns) -> list[dict]:
    """Returns a row for each place in the columns; single values go everywhere."""
    return pd.DataFrame(columns).to_dict("records")


def number(value) -> float | None:
    """Returns a number as JSON has it, None where it is not finite."""
    return float(value) if math.isfinite(value) else None


def describe_setting(fields: dict) -> str:
    """Returns columns of the run table with their values, in words, where known."""
    return ", ".join(
        str(value) if isinstance(value, str) else f"{name} {value:g}"
        for name, value in fields.items()
        if UNKNOWN.get(name) != value
    )


def claims_summary(claims: Sequence[Claim]) -> dict:
    """Returns claims and their verdicts as they stand in summary.json."""
    return {
        "verdicts": count_verdicts(claims),
        "claims": [claim._asdict() for claim in claims],
    }


def print_claims(claims: Sequence[Claim]) -> None:
    """Prints a line for each claim."""
    for claim in claims:
        estimate = Estimate(claim.value, claim.interval)
        print(
            f"{describe_setting(claim.setting)}: {claim.quantity} "
            f"{describe_estimate(estimate)}: {claim.verdict}"
            f"{f' ({claim.note})' if claim.note else ''}"
        )


def write_results(
    folder: pathlib.Path,
    summary: dict,
    panels: dict[str, list[dict]],
    plot: Callable[..., Figure],
    *drawn,
) -> None:
    """Writes summary.json, a CSV a panel, and the figure as PNG and SVG.

    Args:
        folder: WORKDIR.
        summary: the numbers, with the experiment's name. To it come the script's title,
            the caption, which is what `plot` says it draws, and versions.
        panels: rows of each CSV, by name.
        plot: draws the figure.
        *drawn: from these.
    """
    name = summary["experiment"]
    summary = {
        "title": str(sys.modules["__main__"].__doc__).splitlines()[0].rstrip("."),
        "caption": " ".join(str(plot.__doc__).split()),
        **summary,
        "versions": provenance.versions(),
    }
    folder = folder / name
    store.prepare(folder)
    panels = {panel: rows for panel, rows in panels.items() if rows}
    for panel, rows in panels.items():
        with open(folder / f"{panel}.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    save_figure(plot(*drawn), folder / name)
    text = json.dumps(summary, indent=1, allow_nan=False)
    (folder / "summary.json").write_text(text + "\n")
    print(f"Wrote {folder}/summary.json, {name}.png, {name}.svg and {len(panels)} CSV.")
