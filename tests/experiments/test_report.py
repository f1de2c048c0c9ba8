"""The page of results: what it says, in which order, and of bad input too."""

import base64
import html.parser
import io
import json
import os
import re

import numpy as np
import pytest
from PIL import Image
from scripts import ROOT, call, refused
from shell import summaries
from shell.page import document
from shell.picture import make_address, read_picture
from workdirs import claim, picture, summary, write_result

HOSTILE = "</style><script>alert('x')</script> \"quoted\" & <b>"


class Page(html.parser.HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, content):
        super().__init__()
        self.elements, self.ids, self.targets, self.texts = [], [], [], []
        self.feed(content)
        self.text = " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, *(name for name, _ in attrs)))
        self.ids += [value for name, value in attrs if name == "id"]
        self.targets += [value for name, value in attrs if name == "href"]

    def handle_data(self, data):
        self.texts.append(data)


def report(workdir):
    """Returns the page that the script writes."""
    done = call("report", f"--workdir={workdir}")
    assert done.returncode == 0, done.stderr
    return Page((workdir / "index.html").read_text())


def test_conclusions_come_first_in_the_order_a_reader_asks(tmp_path):
    for name in ("duality", "label_noise", "plan", "subspace", "tradeoff", "mine"):
        write_result(tmp_path, name, conclusion=f"{name} is so.")
    text = report(tmp_path).text
    order = [
        "Is size worth time?",
        "tradeoff is so.",
        "subspace is so.",
        "What predicts best?",
        "plan is so.",
        "What do data and noise do?",
        "label_noise is so.",
        "Why power laws?",
        "duality is so.",
        "What else was found?",
        "mine is so.",
        "Draws a grey field.",  # the first caption
    ]
    places = [text.index(words) for words in order]
    assert places == sorted(places)


def test_links_lead_to_figure_claims_and_numbers(tmp_path):
    write_result(tmp_path, "tradeoff", claims=[claim()], notes=["So."])
    write_result(tmp_path, "tradeoff/optimizer=adam", "tradeoff")
    page = report(tmp_path)
    assert len(page.ids) == len(set(page.ids))
    inner = {target[1:] for target in page.targets if target.startswith("#")}
    assert inner <= set(page.ids)
    parts = ("figure", "claims", "notes", "numbers")
    assert {f"tradeoff.{part}" for part in parts} <= inner
    outer = [t for t in page.targets if not t.startswith(("#", "data:"))]
    assert "tradeoff/optimizer%3Dadam/summary.json" in outer


def test_results_of_one_experiment_stand_side_by_side(tmp_path):
    for place in ("tradeoff", "tradeoff/dataset=cifar10", "wide/tradeoff"):
        write_result(tmp_path, place, "tradeoff", conclusion=f"So in {place}.")
    write_result(tmp_path, "wide/tradeoff/optimizer=adam", "tradeoff")
    write_result(tmp_path, "runs/tradeoff")  # holds run tables, no results
    results = summaries.load(tmp_path).results
    headings = [each.heading for each in results]
    assert headings == [
        "About tradeoff",
        "About tradeoff (dataset=cifar10)",
        "About tradeoff (wide)",
        "About tradeoff (wide, optimizer=adam)",
    ]
    page = report(tmp_path)
    assert page.elements.count(("section", "id", "aria-labelledby")) == 4
    assert all(page.text.count(f"So in {each.place}.") == 2 for each in results[:3])


def test_places_that_differ_in_a_sign_have_anchors_of_their_own(tmp_path):
    for place in ("tradeoff/a=b", "tradeoff/a-b"):
        write_result(tmp_path, place, "tradeoff")
    names = {name for name in report(tmp_path).ids if "." not in name}
    assert names == {"conclusions", "tradeoff-a-b", "tradeoff-a-b-2"}


def test_verdicts_are_counted_where_no_conclusion_is_drawn(tmp_path):
    alone = claim("holds", corrected="undecided")
    old = claim("fails")
    del old["corrected"]
    write_result(tmp_path, "tradeoff", claims=[alone, alone, old])
    text = report(tmp_path).text
    counts = "2 hold and 1 fails; among all, 1 fails and 2 are undecided."
    assert f"Of 3 claims, {counts}" in text
    assert "Holds from -1.15 to -0.85." in text
    assert "-1.1 to -0.9 holds alone, undecided among all claims" in text


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ([claim("holds")], "The one claim holds."),
        ([claim("fails")] * 3, "All 3 claims fail."),
        ([claim("holds"), claim("fails")], "Of 2 claims, 1 holds and 1 fails."),
        ([], "No claim is made; see figure and numbers."),
    ],
)
def test_few_verdicts_are_said_in_few_words(claims, words, tmp_path):
    write_result(tmp_path, "tradeoff", claims=claims)
    assert f"About tradeoff {words}" in report(tmp_path).text


def test_a_plan_has_its_words_and_its_table(tmp_path):
    rows = ["  1,000 parameters   10 epochs", "  2,000 parameters    5 epochs"]
    write_result(tmp_path, "plan", notes=["1,000 parameters do best.", *rows])
    report(tmp_path)
    page = (tmp_path / "index.html").read_text()
    assert "<p>1,000 parameters do best.</p>" in page
    assert f'aria-label="Table">{rows[0]}\n{rows[1]}</pre>' in page


def test_flags_that_were_not_used_are_left_out(tmp_path):
    write_result(tmp_path, "tradeoff", flags={"a": None, "b": "", "c": [], "d": ["1"]})
    assert "Flags --d=1 Back" in report(tmp_path).text


def test_more_than_three_figures_are_folded_but_for_the_overview(tmp_path):
    for number, folder in ((3, "tradeoff"), (4, "equivalence")):
        figures = [{"name": f"f-{i}", "title": f"Part {i}"} for i in range(number)]
        write_result(tmp_path, folder, figures=figures)
    page = report(tmp_path)
    assert len([each for each in page.elements if each[0] == "img"]) == 7
    assert page.text.count("more figures") == 1 and "3 more figures" in page.text


def test_words_of_the_data_are_never_html(tmp_path):
    pages = []
    for number, rest in enumerate(("", HOSTILE)):
        words, name = f"plain{rest}", f"name{rest[-6:]}"
        workdir = tmp_path / str(number)
        said = ("source", "statement", "quantity", "verdict", "note")
        found = claim(**dict.fromkeys(said, words), setting={words: 1.0, "a": words})
        entries = summary(words, title=words, caption=words, conclusion=words)
        entries |= {"claims": [found | {"corrected": f"{words} too"}]}
        entries |= {"notes": [words, f" {words}"], "missing": [words]}
        entries |= {"figures": [{"name": "f", "title": f"{words}."}]}
        entries |= {"flags": {words: words}}
        entries["versions"] |= dict.fromkeys(("jax", "device", "scaletime_jax"), words)
        write_result(workdir, "some", **entries)
        write_result(workdir, f"other/{name}")
        (write_result(workdir, f"other/bad/{name}") / "summary.json").write_text("[]")
        pages.append(report(workdir))
    plain, hostile = pages
    assert hostile.elements == plain.elements
    assert hostile.text.count("alert('x')") > 10


def test_bytes_that_are_no_text_break_nothing(tmp_path):
    name = os.fsdecode(b"\xff")
    write_result(tmp_path, f"tradeoff/{name}", "tradeoff", title="lone \ud800")
    (write_result(tmp_path, f"plan/{name}", "plan") / "plan.png").unlink()
    page = report(tmp_path)
    assert "lone ?" in page.text and "plan/?: there is no plan.png." in page.text
    assert "tradeoff/%FF/summary.json" in page.targets


def damage(folder, **entries):
    """Changes entries of a result's summary."""
    path = folder / "summary.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def halve(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def become_a_folder(path):
    path.unlink()
    path.mkdir()


DAMAGES = {
    "no summary.json": lambda f: (f / "summary.json").unlink(),
    "summary.json is damaged": lambda f: (f / "summary.json").write_text('{"titl'),
    "not an object": lambda f: (f / "summary.json").write_text("[]"),
    "there is no subspace.png": lambda f: (f / "subspace.png").unlink(),
    "subspace.png is not a whole PNG": lambda f: halve(f / "subspace.png"),
    "is not a whole PNG file": lambda f: (f / "subspace.png").write_text("<svg/>"),
    "subspace.png cannot be read": lambda f: become_a_folder(f / "subspace.png"),
    "the experiment has no figure": lambda f: damage(f, figures=[]),
    "is not a file's name": lambda f: damage(f, figures=[{"name": "../x"}]),
    "lacks 'name'": lambda f: damage(f, figures=["subspace"]),
    "'claims' in a form": lambda f: damage(f, claims={"holds": 3}),
    "a claim in a form": lambda f: damage(f, claims=[{"verdict": "holds"}]),
    "has a claim": lambda f: damage(f, claims=[claim(value=10**400)]),
    "a claim in a form that": lambda f: damage(f, claims=[claim(setting={"a": {}})]),
    "'runs' or 'versions' in a form": lambda f: damage(f, runs={"count": "many"}),
    "lacks 'jax'|versions": lambda f: damage(f, versions={}),
    "version 9.0 wrote it, and this is": lambda f: damage(
        f, title=None, versions={"scaletime_jax": "9.0"}
    ),
}


@pytest.mark.parametrize("reason", DAMAGES)
def test_what_cannot_be_shown_is_named(reason, tmp_path):
    write_result(tmp_path, "tradeoff")
    DAMAGES[reason](write_result(tmp_path, "subspace"))
    page = report(tmp_path)
    [problem] = summaries.load(tmp_path).problems
    assert re.search(reason, problem) and problem.startswith("subspace: ")
    assert f"What could not be shown {problem} " in page.text
    assert "About tradeoff" in page.text


def test_without_its_figure_a_result_still_has_its_words(tmp_path):
    (write_result(tmp_path, "subspace", conclusion="So.") / "subspace.png").unlink()
    text = report(tmp_path).text
    assert "About subspace So." in text and "Not shown: there is no" in text


def test_folders_of_other_things_are_no_problem(tmp_path):
    write_result(tmp_path, "tradeoff")
    for name in ("runs", "benchmarks", "tradeoff/my notes", ".hidden"):
        (tmp_path / name).mkdir()
    assert summaries.load(tmp_path).problems == []


def test_settings_alone_are_whole(tmp_path):
    write_result(tmp_path, "tradeoff/optimizer=adam", "tradeoff")
    assert summaries.load(tmp_path).problems == []
    (tmp_path / "tradeoff/optimizer=sgd").mkdir()
    (tmp_path / "tradeoff/optimizer=sgd/tradeoff.npz").touch()
    [problem] = summaries.load(tmp_path).problems
    assert problem.startswith("tradeoff/optimizer=sgd: there is no summary.json")


def test_nothing_at_all_to_show_is_refused(tmp_path):
    line = refused("report", f"--workdir={tmp_path}")
    assert "there is no summary.json in any folder" in line
    (tmp_path / "tradeoff").mkdir()
    (tmp_path / "plan").mkdir()
    line = refused("report", f"--workdir={tmp_path}")
    assert "can be shown: plan: there is no summary.json" in line
    assert "(and 1 more)" in line and not (tmp_path / "index.html").exists()


def test_the_page_is_not_written_through_a_link(tmp_path):
    write_result(tmp_path / "results", "tradeoff")
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (tmp_path / "results/index.html").symlink_to(precious)
    line = refused("report", f"--workdir={tmp_path}/results")
    assert "index.html is a symbolic link" in line
    assert precious.read_text() == "mine"


@pytest.mark.parametrize(("height", "kind"), [(400, "webp"), (16384, "png")])
def test_a_picture_keeps_its_pixels(height, kind, tmp_path):
    (tmp_path / "f.png").write_bytes(picture(20, height))
    address = make_address(read_picture(tmp_path, "f", ""))
    start, content = address.split(",")
    assert start == f"data:image/{kind};base64"
    shown = Image.open(io.BytesIO(base64.b64decode(content))).convert("L")
    np.testing.assert_array_equal(shown, Image.open(tmp_path / "f.png"))


def test_all_shipped_results_can_be_shown():
    found = summaries.load(ROOT / "experiments/results")
    assert found.problems == []
    assert len(found.results) == len({each.heading for each in found.results}) >= 18


def luminance(colour):
    """Returns the relative luminance of '#rrggbb', as WCAG 2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts
    ]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("theme", [0, 1])
def test_text_can_be_told_from_its_ground(theme):
    style = (document.HERE / "page.css").read_text()
    block = re.findall(r":root \{(.*?)\}", style, re.DOTALL)[theme]
    colours = dict(re.findall(r"--(\w+): (#\w{6})", block))
    for ground in ("paper", "box"):
        for name in colours.keys() - {"paper", "box", "line"}:
            pair = sorted(luminance(colours[each]) for each in (name, ground))
            # 4.5 to 1 is what WCAG 2 AA asks of text
            assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5, (name, ground)
