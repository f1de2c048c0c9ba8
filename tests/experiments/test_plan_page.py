"""The page of a plan: its drawing, its tables, and what of a user stands on it."""

import html.parser
import json
import re

import numpy as np
import pandas as pd
import pytest
from scripts import ROOT, call
from shell.page.chart import HEIGHT, LEFT, WIDTH, Series, make_chart

EXAMPLE = "experiments/examples/sklearn_digits.csv"
HOSTILE = '<script>alert(1)</script> "quoted" & <b>'


class Page(html.parser.HTMLParser):
    """The elements of a page, and the cells of its tables."""

    def __init__(self, content):
        super().__init__()
        self.elements, self.addresses, self.rows, self.text = [], [], [], ""
        self.in_cell = False
        self.feed(content)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.addresses += [v for k, v in attrs if k in ("src", "href")]
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self.in_cell = True

    def handle_endtag(self, tag):
        self.in_cell &= tag not in ("td", "th")

    def handle_data(self, data):
        self.text += data
        if self.in_cell:
            self.rows[-1][-1] += data


def make(folder, runs=EXAMPLE, *flags):
    where = f"--runs={runs}", f"--workdir={folder}", "--budget_flops=1e9"
    done = call("plan", *where, *flags)
    assert done.returncode == 0, done.stderr
    summary = json.loads((folder / "plan/summary.json").read_text())
    assert "plan.html" in summary["files"] and f"Page: {folder}/plan" in done.stdout
    return summary, Page((folder / "plan/plan.html").read_text())


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plan")
    return folder, *make(folder)


def test_the_page_has_the_plan_its_reasons_and_its_runs(made):
    _, summary, page = made
    text = " ".join(page.text.split())
    assert summary["notes"][0] in text
    for law in summary["laws"]:
        assert [law["law"]] in [row[:1] for row in page.rows]
        assert law["passed_over"] in text
    for reason in summary["laws"][0]["kept_in"].values():
        assert reason in text
    assert ["310", "300", "5"] in [row[:3] for row in page.rows]


def test_the_table_has_a_row_for_each_budget_and_the_slider_begins_at_the_plan(made):
    folder, summary, page = made
    table = pd.read_csv(folder / "plan/budgets.csv")
    told = [list(each.values()) for each in summary["budgets"]]
    assert len(told) == len(table) and all(row in page.rows for row in told)
    [slider] = [at for tag, at in page.elements if at.get("type") == "range"]
    assert int(slider["max"]) == len(table) - 1
    row = table.iloc[int(slider["value"])]
    for name in ("num_params", "epoch", "train_size", "loss", "low", "high", "law"):
        assert row[name] == summary["best"][name]
    assert slider["aria-valuetext"] == "1e9 FLOP"


def test_the_page_loads_nothing(made):
    _, _, page = made
    outside = [a for a in page.addresses if not a.startswith(("data:", "./", "#"))]
    assert outside == []
    [policy] = [at["content"] for _, at in page.elements if "http-equiv" in at]
    assert policy.startswith("default-src 'none'") and policy.count("sha256-") == 2


def test_the_page_of_results_leads_to_the_page_of_the_plan(made):
    folder, _, _ = made
    assert call("report", f"--workdir={folder}").returncode == 0
    assert "plan/plan.html" in Page((folder / "index.html").read_text()).addresses


def test_what_a_user_names_is_escaped(made, tmp_path):
    table = pd.read_csv(ROOT / EXAMPLE).assign(dataset=HOSTILE)
    table.to_csv(tmp_path / "<b>.csv", index=False)
    _, page = make(tmp_path, tmp_path / "<b>.csv")
    kinds = [tag for tag, _ in page.elements]
    assert kinds.count("script") == 2 and "b" not in kinds
    assert kinds.count("td") == [tag for tag, _ in made[2].elements].count("td")


def points(chart, tag):
    found = re.findall(rf'<{tag} points="([^"]*)"', chart)
    return [[tuple(map(float, p.split(","))) for p in each.split()] for each in found]


def test_a_drawing_is_to_scale_and_has_gaps_where_there_is_no_plan():
    value = np.array([8.0, 4.0, np.nan, 2.0, 1.0])
    series = Series("loss", value, value / 2, value * 2, np.full(5, np.nan))
    chart = make_chart(series, list("abcde"), 4)
    left, right = points(chart, "polyline")
    assert len(left) == len(right) == 2 and len(points(chart, "polygon")) == 2
    assert (left[0][0], right[1][0]) == (LEFT, WIDTH - 20)
    # equal ratios are equal heights, larger values above
    steps = np.diff([y for _, y in [*left, *right]])
    assert (steps > 0).all() and np.ptp(steps) < 0.2
    assert all(0 < y < HEIGHT for _, y in [*left, *right])
    assert f"translate({right[1][0]} {right[1][1]})" in chart
    places = re.search('data-points="([^"]*)"', chart)[1].split()
    assert len(places) == 5 and places[2].endswith(",") and "rect" not in chart


def test_measured_losses_are_dots():
    value = np.array([2.0, 1.0])
    series = Series("loss", value, value, value, np.array([np.nan, 1.5]))
    chart = make_chart(series, ["a", "b"], 0)
    assert chart.count('class="measured"') == 1
