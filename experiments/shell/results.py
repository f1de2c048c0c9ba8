"""What every experiment writes and prints at its end: a study's result."""

import csv
import io
import json
import pathlib
import sys
from collections.abc import Callable

from absl import flags

from scaletime_jax.plotting.draw import draw, render_all
from scaletime_jax.runs import store
from scaletime_jax.runs.read import Runs
from scaletime_jax.studies import drawn
from scaletime_jax.studies.result import Result, describe_claims
from scaletime_jax.sweep.provenance import versions
from scaletime_jax.words import count_of
from shell import flags as common
from shell.gaps import describe_gap
from shell.page.section import HERE
from shell.place import read_summary, result_folder
from shell.summary import Summary, parse_summary

RESULT = ""  # the line between progress and result


Page = Callable[[Summary, Result], str]


def finish(
    result: Result, runs: Runs | None = None, make_page: Page | None = None
) -> None:
    """Writes a result to its folder, and prints what was found and what is next.

    Args:
        result: of a study.
        runs: that the result was made from, if any.
        make_page: makes the result's own page, if it has one.
    """
    made_from = {}
    if runs is not None:
        missing = [describe_gap(gap) for gap in runs.gaps]
        made_from = {"missing": missing, "runs": runs.record}
    given = flag_values()
    summary = {
        "experiment": result.name,
        "title": result.title,
        "caption": result.caption,
        "overview": result.overview,
        "flags": given,
        **made_from,
        **result.record,
        "versions": versions(),
    }
    folder = result_folder(common.workdir(), result.name, given)
    files = write_result(folder, result, summary, make_page)
    print(RESULT)
    for line in [*result.notes, *describe_claims(result.corrected), ""]:
        print(line)
    if result.conclusion not in result.notes:
        print(result.conclusion)
    if runs is not None:
        print(runs.origin)
    tables = sum(name.endswith(".csv") for name in files)
    pictures = sum(name.endswith(".png") for name in files)
    counts = f"{count_of(pictures, 'figure')} and {count_of(tables, 'table')}"
    print(f"Wrote {folder}/summary.json, {result.name}.png; in all {counts}.")
    if make_page is not None:
        print(f"Page: {folder}/{result.name}.html")
    print(f"Next: python experiments/report.py --workdir={common.WORKDIR.value}")


def flag_values() -> dict:
    """Returns every flag of the experiment that has an effect, with its value.

    Where runs are read, flags of the grid have one only where they select runs.
    """
    own = flags.FLAGS.get_key_flags_for_module(sys.argv[0])
    if "runs" in flags.FLAGS and flags.FLAGS["runs"].value is not None:
        grid = flags.FLAGS.get_key_flags_for_module("shell.sweep")
        unused = {flag.name for flag in grid if flag.using_default_value}
        own = [flag for flag in own if flag.name not in unused - {"workdir"}]
    return {flag.name: flag.value for flag in sorted(own, key=lambda f: f.name)}


def write_result(
    folder: pathlib.Path, result: Result, summary: dict, make_page: Page | None = None
) -> list[str]:
    """Writes figures, tables and summary of a result, each file whole or not at all.

    Files of the folder's last result that this one does not have are deleted.

    Args:
        folder: of the result.
        result: of a study.
        summary: the content of summary.json but for its figures and files; it is
            written last.
        make_page: makes the result's own page, if it has one.

    Returns:
        The names of the files.
    """
    drawings = draw(result.name, result.figure)
    tables = {name: rows for name, rows in result.tables.items() if rows}
    files = {f"{name}.csv": _csv(rows) for name, rows in tables.items()}
    files |= {f"{result.name}.npz": drawn.pack(result.figure)}
    files |= render_all(drawings)
    pages = [] if make_page is None else [f"{result.name}.html"]
    names = [*files, *pages, "summary.json"]
    figures = [{"name": each.name, "title": each.title} for each in drawings]
    summary = {**summary, "figures": figures, "files": names}
    text = json.dumps(summary, indent=1, allow_nan=False)
    store.prepare(folder)
    last = read_summary(folder).get("files", [])
    for name, content in files.items():
        store.write_whole(folder / name, content)
    if make_page is not None:
        shown = parse_summary(summary, folder, HERE)._replace(files=sorted(names))
        page = make_page(shown, result).encode(errors="replace")
        store.write_whole(folder / f"{result.name}.html", page)
    for name in set(map(str, last)) - set(names):
        if pathlib.PurePath(name).name == name:  # in this folder
            (folder / name).unlink(missing_ok=True)
    store.write_whole(folder / "summary.json", f"{text}\n".encode())
    return names


def _csv(rows: list[dict]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
