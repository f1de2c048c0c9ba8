"""From Python: what the package offers at its top, and how a notebook shows it."""

import base64
import doctest
import html.parser
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import scaletime_jax
from scaletime_jax.errors import InputError
from scaletime_jax.studies.result import describe_verdict

ROOT = pathlib.Path(__file__).parents[1]
EXAMPLE = "experiments/examples/sklearn_digits.csv"
OFFERED = {
    "backtest",
    "equivalence",
    "load_dataset",
    "load_published",
    "make_train",
    "own_network",
    "plan",
    "read_runs",
    "train_sweep",
}


@pytest.fixture
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def runs():
    return scaletime_jax.read_runs(ROOT / EXAMPLE)


@pytest.fixture(scope="module")
def ranked(runs):
    return scaletime_jax.backtest(runs)


def test_the_package_offers_these_and_no_more():
    assert set(scaletime_jax.__all__) == OFFERED | {"__version__"}
    assert set(dir(scaletime_jax)) >= OFFERED
    for name in OFFERED:
        assert callable(getattr(scaletime_jax, name))
    with pytest.raises(AttributeError, match="no attribute 'plam'"):
        scaletime_jax.plam  # noqa: B018


def test_importing_the_package_imports_nothing_else():
    code = "import scaletime_jax, sys; print({'jax', 'numpy', 'absl'} & {*sys.modules})"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr


@pytest.mark.parametrize("name", sorted(OFFERED))
def test_each_has_an_example_that_runs(at_root, name):
    value = getattr(scaletime_jax, name)
    [example] = doctest.DocTestFinder(recurse=False).find(value, name, globs={})
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0


@pytest.mark.slow
def test_three_lines_from_csv_to_plan(at_root):
    runs = scaletime_jax.read_runs(EXAMPLE)
    answer = scaletime_jax.plan(runs, flops=1e9)
    assert repr(answer).startswith("1,389 parameters for 100 epochs of 1,200 examples")
    assert answer.claims == [] and answer.notes[0] in repr(answer)
    assert answer.summary["best"]["law"] == "interaction"
    assert len(answer.tables["exchange"]) == 5
    assert answer.summary["budget"] == {"amount": 1e9, "unit": "FLOP"}
    assert len(answer.figure().axes) == 2


def test_a_backtest_says_its_verdicts(ranked):
    said = repr(ranked)
    assert said.startswith("\n".join([ranked.result.conclusion, *ranked.notes]))
    for claim in ranked.claims:
        assert f"{claim.source}: {claim.statement}\n" in said
        assert claim.quantity in said and f", {describe_verdict(claim)}" in said


class Parser(html.parser.HTMLParser):
    """Collects tags, what they refer to, and the text between them."""

    def __init__(self):
        super().__init__()
        self.tags, self.sources, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [v for k, v in attrs if k in ("src", "href")]

    def handle_data(self, data):
        self.text.append(data)


def parse(answer):
    parser = Parser()
    parser.feed(answer._repr_html_())
    return parser


def test_a_notebook_shows_figure_and_verdicts(ranked):
    shown = parse(ranked)
    [source] = shown.sources  # no network
    kind, _, content = source.partition(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(content).startswith(b"\x89PNG")
    assert shown.tags.count("img") == 1
    assert shown.tags.count("tr") == 1 + len(ranked.claims)
    assert {"holds", "fails", "undecided"} <= set(shown.text)


def test_what_a_user_names_is_escaped(runs, ranked):
    named = runs._replace(table=runs.table.assign(dataset="<b>"))
    plain = scaletime_jax.backtest(named)
    content = plain._repr_html_()
    assert "&lt;b&gt;, sgd" in content and "<b>, sgd" not in content
    assert parse(plain).tags == parse(ranked).tags


def test_mistakes_are_told_in_quantities(runs):
    with pytest.raises(InputError, match="give one of budget_flops"):
        scaletime_jax.plan(runs)
    with pytest.raises(InputError, match="flops is short for budget_flops; give one"):
        scaletime_jax.plan(runs, flops=1e9, budget_flops=1e9)
    with pytest.raises(InputError, match="threshold must be above 0, got -1"):
        scaletime_jax.backtest(runs, threshold=-1.0)
    with pytest.raises(InputError, match="sources must be 2 or more"):
        scaletime_jax.backtest(runs, sources=1)
    with pytest.raises(InputError, match="'scale-time', 'scale-time, fitted', 'unif"):
        scaletime_jax.plan(runs, budget_flops=1e9, law="aditive")


MISTAKES = {
    "plan(PATH, budget_flops=1e9)": "runs is a str; give what read_runs(path) returns.",
    "backtest(runs.table)": "runs is a DataFrame; give what read_runs(path) returns.",
    "equivalence(None)": "runs is a NoneType; give what read_runs(path) returns.",
    "plan(runs, flops='1e9')": "budget_flops must be a number, got '1e9'.",
    "plan(runs, flops=1, next_runs=1.5)": "next_runs must be a whole number, got 1.5.",
    "equivalence(runs, threshold='a')": "threshold must be a number, got 'a'.",
    "backtest(runs, sources=3.5)": "sources must be a whole number, got 3.5.",
    "read_runs(PATH, columns='seed=run')": "columns must be a dict of columns by "
    """quantity, such as {"test_loss": "my/loss"}, got 'seed=run'.""",
    "train_sweep('mnist12k', 'new')": "dataset is a str; give what load_dataset(name) "
    "returns.",
    "own_network(3, max)": "a network cannot be called 3; choose letters, digits and "
    "underscores.",
}
CALLER = f"""
from scaletime_jax import *
PATH = "{EXAMPLE}"
runs = read_runs(PATH)
for call in {[*MISTAKES]}:
    try:
        eval(call)
    except Exception as error:
        print(type(error).__name__, error, sep=": ")
"""


def test_values_of_other_types_are_told():
    """In a process of its own, because annotations are checked in these tests alone."""
    command = [sys.executable, "-c", CALLER]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    told = [f"InputError: {words}" for words in MISTAKES.values()]
    assert done.stdout.splitlines() == told, done.stderr


def test_a_sweep_is_read_judged_and_not_trained_twice(few_digits, tmp_path):
    widths = np.array([1, 2])
    grid = {"widths": widths, "train_sizes": 32, "seeds": 7, "epochs": 2}
    runs = scaletime_jax.train_sweep(few_digits, tmp_path, **grid)
    assert runs.num_runs == 2 and set(runs.table.width) == {1, 2}
    assert set(runs.table.learning_rate) == {0.01}
    assert runs.record["count"] == 2
    assert runs.thresholds() == {"few": pytest.approx(0.09)}
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = scaletime_jax.train_sweep(few_digits, tmp_path, **{**grid, "widths": 1})
    assert again.num_runs == 1 and len(again.metadata) == 1
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
