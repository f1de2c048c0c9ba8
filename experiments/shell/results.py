"""What every experiment writes and prints at its end: a study's result."""

import csv
import io
import json
import pathlib
import sys

from absl import flags

from scaletime_jax.plotting.draw import draw
from scaletime_jax.plotting.style import render
from scaletime_jax.runs import store
from scaletime_jax.runs.read import Runs
from scaletime_jax.studies import drawn
from scaletime_jax.studies.result import Result, describe_claim
from scaletime_jax.sweep.provenance import versions
from shell import flags as common
from shell.gaps import describe_gap


def finish(result: Result, runs: Runs | None = None) -> None:
    """Writes a result to WORKDIR/NAME, and prints its notes and claims.

    Args:
        result: of a study.
        runs: that the result was made from, if any.
    """
    made_from = {}
    if runs is not None:
        missing = [describe_gap(gap) for gap in runs.gaps]
        made_from = {"missing": missing, "runs": runs.record}
    summary = {
        "experiment": result.name,
        "title": result.title,
        "caption": result.caption,
        "flags": flag_values(),
        **made_from,
        **result.record,
        "versions": versions(),
    }
    write_result(common.workdir(), result, summary)
    for note in result.notes:
        print(note)
    for claim in result.corrected:
        print(describe_claim(claim))


def flag_values() -> dict:
    """Returns every flag of the experiment, with its value."""
    own = flags.FLAGS.get_key_flags_for_module(sys.argv[0])
    return {flag.name: flag.value for flag in sorted(own, key=lambda f: f.name)}


def write_result(workdir: pathlib.Path, result: Result, summary: dict) -> None:
    """Writes figure, tables and summary of a result, each file whole or not at all.

    Args:
        workdir: the result's folder in it is named as the study.
        result: of a study.
        summary: the content of summary.json, which is written last.
    """
    folder = workdir / result.name
    figure = draw(result.name, result.figure)
    tables = {name: rows for name, rows in result.tables.items() if rows}
    files = {f"{name}.csv": _csv(rows) for name, rows in tables.items()}
    files |= {f"{result.name}.npz": drawn.pack(result.figure)}
    files |= {f"{result.name}.{kind}": render(figure, kind) for kind in ("png", "svg")}
    text = json.dumps(summary, indent=1, allow_nan=False)
    files["summary.json"] = f"{text}\n".encode()
    store.prepare(folder)
    for name, content in files.items():
        store.write_whole(folder / name, content)
    names = f"{result.name}.png, {result.name}.svg"
    print(f"Wrote {folder}/summary.json, {names} and {len(tables)} CSV.")


def _csv(rows: list[dict]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
