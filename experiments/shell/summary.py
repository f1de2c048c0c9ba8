"""What one summary.json says, in the form that the page shows."""

import json
import pathlib
from typing import Any, NamedTuple, TypeVar

from scaletime_jax import __version__
from scaletime_jax.errors import InputError
from scaletime_jax.runs.fields import describe
from scaletime_jax.stats.claims import Claim
from shell.picture import Picture, read_picture

NEEDED: Any = object()
# What a value of another form than the expected one raises.
MISFITS = (
    AttributeError,
    IndexError,
    KeyError,
    OverflowError,
    TypeError,
    ValueError,
)
Kind = TypeVar("Kind")


class Summary(NamedTuple):
    """One result of a workdir.

    Attributes:
        place: its folder in the workdir, such as 'wide/tradeoff'.
        experiment: its name.
        title: one line.
        caption: what the figures show.
        overview: what the first figure shows, if it is of all settings.
        conclusion: sentences, or '' if the study drew none.
        notes: the study's sentences for the terminal.
        claims: what the papers say, beside what was measured.
        missing: what could not be computed, a sentence each.
        origin: hardware, time and versions, in words.
        flags: that have a value.
        pictures: the figures, an overview first.
        files: names of the files in its folder.
        gaps: why a figure is not there, a clause each.
    """

    place: str
    experiment: str
    title: str
    caption: str
    overview: str
    conclusion: str
    notes: list[str]
    claims: list[Claim]
    missing: list[str]
    origin: str
    flags: dict[str, Any]
    pictures: list[Picture]
    files: list[str]
    gaps: list[str]

    @property
    def label(self) -> str:
        """What tells this result from others of its experiment; '' for WORKDIR/NAME."""
        parts = [p for p in self.place.split("/") if p != self.experiment]
        path = pathlib.PurePath(str(self.flags.get("runs", "")))
        if parts and parts[-1].startswith("runs="):
            name = path.parent.name if path.name == "runs" else path.name
            others = parts[-1].partition(",")[2]
            parts[-1] = ", ".join(filter(None, (f"runs of {name}", others)))
        return ", ".join(parts) or self.place.removeprefix(self.experiment)

    @property
    def heading(self) -> str:
        """The title, with the label if there is one."""
        return f"{self.title} ({self.label})" if self.label else self.title


def read_summary(folder: pathlib.Path, place: str) -> Summary:
    """Returns a folder's summary with its figures.

    A figure that cannot be read is a gap; all else is needed.

    Args:
        folder: has summary.json, and figures beside it.
        place: the folder in the workdir.

    Raises:
        InputError: the summary is damaged, or its form is not known.
    """
    try:
        entries = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"summary.json is damaged ({error})") from None
    if not isinstance(entries, dict):
        raise InputError("summary.json is damaged (not an object)")
    try:
        return parse_summary(entries, folder, place)
    except InputError as error:
        raise InputError(f"summary.json {error}{_other_version(entries)}") from None


def parse_summary(entries: dict, folder: pathlib.Path, place: str) -> Summary:
    """Returns the content of a summary.json with the figures of its folder.

    Raises:
        InputError: the form of the content is not known.
    """
    experiment = _take(entries, "experiment", str)
    title = _take(entries, "title", str)
    alone = [{"name": experiment, "title": title}]
    pictures, gaps = [], []
    for each in _take(entries, "figures", list, alone) or [{}]:
        try:
            if not each:
                raise InputError("the experiment has no figure")
            name, words = _take(each, "name", str), _take(each, "title", str, title)
            pictures.append(read_picture(folder, name, words))
        except InputError as error:
            gaps.append(str(error))
    flags = _take(entries, "flags", dict)
    return Summary(
        place,
        experiment,
        title,
        _take(entries, "caption", str),
        _take(entries, "overview", str, ""),
        _take(entries, "conclusion", str, ""),
        [str(each) for each in _take(entries, "notes", list, [])],
        [_claim(each) for each in _take(entries, "claims", list, [])],
        [str(each) for each in _take(entries, "missing", list, [])],
        _origin(entries),
        {k: v for k, v in flags.items() if v not in (None, "", [], [""])},
        pictures,
        sorted(path.name for path in folder.glob("[!.]*") if path.is_file()),
        gaps,
    )


def _take(entries: dict, name: str, kind: type[Kind], default: Any = NEEDED) -> Kind:
    """Returns an entry, which must be of this kind."""
    value = entries.get(name, default) if isinstance(entries, dict) else NEEDED
    if value is NEEDED:
        raise InputError(f"lacks {name!r}")
    if not isinstance(value, kind):
        raise InputError(f"has {name!r} in a form that is not known")
    return value


def _claim(entry: dict) -> Claim:
    """Returns a claim; summaries of version 0.1 lack the corrected verdict."""
    try:
        interval = entry["interval"]
        claim = Claim(
            source=str(entry["source"]),
            statement=str(entry["statement"]),
            setting=dict(entry["setting"]),
            quantity=str(entry["quantity"]),
            value=_number(entry["value"]),
            interval=None if interval is None else _ends(interval),
            holds_within=_ends(entry["holds_within"]),
            verdict=str(entry["verdict"]),
            note=str(entry.get("note", "")),
            corrected=str(entry.get("corrected", entry["verdict"])),
        )
        describe(claim.setting)  # must be possible
    except MISFITS:
        raise InputError("has a claim in a form that is not known") from None
    return claim


def _ends(pair) -> Any:
    low, high = pair
    return _number(low), _number(high)


def _number(value) -> float | None:
    return None if value is None else float(value)


def _origin(entries: dict) -> str:
    """Returns hardware, time and versions in words."""
    drawn, runs = _take(entries, "versions", dict), entries.get("runs")
    try:
        words = (
            f"Computed with scaletime_jax {drawn['scaletime_jax']}, jax {drawn['jax']}"
        )
        if runs is None:
            return f"{words} on {drawn['device']}."
        count = f"{runs['count']} runs ({runs['diverged']} diverged)"
        if "logs" in runs:
            return f"{count} from {', '.join(runs['logs'])}. {words}."
        return (
            f"{count}, {runs['device_seconds'] / 3600:.2g} device hours on "
            f"{', '.join(runs['device'])}, jax {', '.join(runs['jax'])}, "
            f"{runs['trained'][0][:10]} to {runs['trained'][1][:10]}. {words}."
        )
    except MISFITS:
        raise InputError("has 'runs' or 'versions' in a form that is not known") from (
            None
        )


def _other_version(entries: dict) -> str:
    """Returns the version that wrote the entries, if another than this one."""
    versions = entries.get("versions")
    theirs = versions.get("scaletime_jax") if isinstance(versions, dict) else None
    if theirs in (None, __version__):
        return ""
    return f"; version {theirs} wrote it, and this is {__version__}"
