"""The page of results in chromium: wide and narrow, light and dark, by keyboard."""

import json
import shutil

import pytest
from scripts import call
from workdirs import claim, write_result

playwright = pytest.importorskip(
    "playwright.sync_api", reason="needs playwright: pip install -e '.[browser]'"
)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
]

LONG = "a_name_without_any_place_to_break_it" * 4
# Text that reaches beyond the window and does not lie in a part that scrolls.
OVERFLOW = """() => {
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const range = document.createRange();
    range.selectNodeContents(texts.currentNode);
    const right = Math.max(...[...range.getClientRects()].map((r) => r.right), 0);
    const inside = texts.currentNode.parentElement.closest(".wide, dialog");
    if (right > innerWidth + 1 && !inside) found.push(texts.currentNode.data);
  }
  const { scrollWidth, clientWidth } = document.scrollingElement;
  return scrollWidth > clientWidth ? [...found, `page ${scrollWidth}`] : found;
}"""
MISSING = """() => [...document.images].filter((image) => !image.naturalWidth
  || image.getAttribute("width") != image.naturalWidth
  || image.getAttribute("height") != image.naturalHeight).map((image) => image.alt)"""
SHIFT = """() => new Promise((done) => {
  const add = (list) => done(list.getEntries().reduce((sum, at) => sum + at.value, 0));
  new PerformanceObserver(add).observe({ type: "layout-shift", buffered: true });
  setTimeout(() => done(0), 300);
})"""
FOCUS = """() => {
  const [element, all] = [document.activeElement, [...document.querySelectorAll("*")]];
  const seen = getComputedStyle(element).outlineStyle !== "none";
  return [all.indexOf(element), seen, element.tagName];
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A page with all that a page can have, bad input too."""
    workdir = tmp_path_factory.mktemp("results")
    figures = [{"name": f"f-{i}", "title": f"Part {i} of {LONG}"} for i in range(4)]
    claims = [
        claim("holds", value=-1.0),
        claim("fails", value=-12.0, corrected="undecided", note=LONG),
        claim("undecided", value=None, interval=None),
        claim("fails", value=-9.0, statement=f"Another of {LONG}."),
    ]
    table = f"  {'many numbers, ' * 20}"
    entries = {"figures": figures, "claims": claims, "notes": [f"{LONG}.", table]}
    write_result(workdir, "tradeoff", conclusion=f"{LONG} is so.", **entries)
    write_result(workdir, f"{LONG}/tradeoff", flags={LONG: LONG}, missing=[LONG])
    (write_result(workdir, "plan") / "plan.png").unlink()
    assert call("report", f"--workdir={workdir}").returncode == 0
    return (workdir / "index.html").as_uri()


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """The page of a plan, with its address and its numbers."""
    workdir = tmp_path_factory.mktemp("plan")
    runs = "--runs=experiments/examples/sklearn_digits.csv"
    done = call("plan", runs, "--budget_flops=1e9", f"--workdir={workdir}")
    assert done.returncode == 0, done.stderr
    summary = json.loads((workdir / "plan/summary.json").read_text())
    return (workdir / "plan/plan.html").as_uri(), summary["budgets"]


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as tools:
        chromium = tools.chromium.launch(executable_path=CHROMIUM)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, address):
    """Opens the page, and keeps what the console says of errors in `page.errors`."""
    contexts = []

    def open_page(width=1400, theme="light", address=address, **options):
        context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=theme, **options
        )
        contexts.append(context)
        page = context.new_page()
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on(
            "console",
            lambda said: said.type == "error" and page.errors.append(said.text),
        )
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()


def unfold(page):
    page.evaluate("document.querySelectorAll('details').forEach((d) => d.open = true)")


def faults(page):
    """Returns what is wrong with the page, folds opened."""
    unfold(page)
    return page.errors + page.evaluate(MISSING) + page.evaluate(OVERFLOW)


def eventually(page, check):
    """Whether the check becomes true; a busy machine may take seconds."""
    for _ in range(50):
        if check():
            return True
        page.wait_for_timeout(100)
    return False


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
def test_the_page_has_no_faults(visit, width, theme):
    page = visit(width, theme)
    assert page.evaluate(SHIFT) == 0
    assert faults(page) == []


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ("console.error('broken')", "broken"),
        ("document.images[0].src = 'gone.png'", "Figure: Part 0"),
        ("document.images[0].removeAttribute('width')", "Figure: Part 0"),
        ("document.querySelector('h1').style.whiteSpace = 'nowrap'", "page "),
        (
            "document.querySelector('h1').style = 'position: fixed; white-space: pre'",
            "and more",
        ),
    ],
)
def test_faults_are_found(visit, fault, found):
    page = visit(390)
    page.evaluate("document.querySelector('h1').append(' and more, and more')")
    page.evaluate(fault)
    assert eventually(page, lambda: any(found in each for each in faults(page)))


@pytest.mark.parametrize("width", [1400, 390])
def test_tab_goes_through_the_page_in_order_and_shows_where(visit, width):
    page = visit(width)
    unfold(page)
    stops = []
    while not stops or stops[-1][2] != "BODY":
        page.keyboard.press("Tab")
        stops.append(page.evaluate(FOCUS))
    places, seen, names = zip(*stops[:-1], strict=True)
    assert list(places) == sorted(set(places)) and all(seen)
    assert {"A", "SUMMARY", "SELECT", "INPUT", "BUTTON", "DIV", "PRE"} == set(names)


@pytest.mark.parametrize("width", [1400, 390])
def test_a_figure_opens_large_by_keyboard_and_escape_closes_it(visit, width):
    page = visit(width)
    link, dialog = page.locator("a.large").first, page.locator("dialog")
    small = link.locator("img").bounding_box()["width"]
    link.focus()
    page.keyboard.press("Enter")
    assert dialog.is_visible() and faults(page) == []
    assert dialog.locator("img").bounding_box()["width"] > 1.3 * small
    page.keyboard.press("Escape")
    assert eventually(page, lambda: not dialog.is_visible())
    assert page.evaluate("document.activeElement.className") == "large"
    assert page.url.endswith("index.html")


def test_a_figure_scrolls_on_a_phone_and_the_page_says_so(visit):
    page = visit(390)
    part = page.locator("figure .wide").first
    assert part.evaluate("(it) => it.scrollWidth > it.clientWidth")
    assert page.locator("figure .hint").first.is_visible()
    part.locator("a").click()
    page.keyboard.press("ArrowRight")  # scrolls, as long as the focus is inside
    dialog = page.locator("dialog")
    assert eventually(page, lambda: dialog.evaluate("(it) => it.scrollLeft") > 0)
    assert not visit(1400).locator("figure .hint").first.is_visible()


def test_what_moves_the_page_is_found(visit):
    page = visit()
    page.wait_for_timeout(100)  # what moves before the first picture is no shift
    page.evaluate("document.querySelector('h1').style.marginTop = '300px'")
    assert eventually(page, lambda: page.evaluate(SHIFT) > 0)


def rows(page):
    """Returns the values of the rows that are shown, in order."""
    cells = page.locator("tr:not([hidden]) td:nth-child(2)")
    return [c.inner_text() for c in cells.all() if c.is_visible()]


def test_a_column_sorts_its_rows_by_keyboard(visit):
    page = visit()
    unfold(page)
    page.locator("th button", has_text="value").first.focus()
    page.keyboard.press("Enter")
    assert rows(page)[:3] == ["-12", "-1", "none"]
    page.keyboard.press("Enter")
    assert rows(page)[:3] == ["-1", "-12", "none"]
    heads = page.locator("th[aria-sort]")
    assert heads.count() == 1 and heads.get_attribute("aria-sort") == "descending"


def test_rows_are_filtered_by_verdict_and_by_text(visit):
    page = visit()
    choice, text = page.get_by_label("Verdict").first, page.get_by_label("Text").first
    said = page.locator("output").first
    choice.select_option("verdict fails")
    assert rows(page) == ["-12", "-9"] and said.inner_text() == "2 of 4 shown"
    text.fill("ANOTHER")
    assert rows(page) == ["-9"] and said.inner_text() == "1 of 4 shown"
    choice.select_option("corrected undecided")
    assert rows(page) == [] and said.inner_text() == "0 of 4 shown"
    text.fill("")
    assert rows(page) == ["-12", "none"]
    choice.select_option("")
    assert said.inner_text() == "4 of 4 shown"


def test_everything_can_be_read_without_javascript(visit):
    page = visit(java_script_enabled=False)
    assert not page.locator("form").first.is_visible()
    for fold in page.locator("details > summary").all():
        fold.click()
    assert rows(page) == ["-1", "-12", "none", "-9"]
    page.locator("a.large").first.click()
    assert page.url.endswith("tradeoff/f-0.png")


def shown(page):
    """Returns what is shown of the plan for the slider's budget, by its name."""
    parts = page.locator("dl.shown > div").all()
    words = [part.locator("dt, dd").all_inner_texts() for part in parts]
    return {name: value for name, value in words if value}


def told(budget):
    return {name: value for name, value in budget.items() if value}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
def test_the_page_of_a_plan_has_no_faults(visit, plan, width, theme):
    page = visit(width, theme, plan[0])
    assert page.evaluate(SHIFT) == 0
    assert faults(page) == []


@pytest.mark.parametrize("width", [1400, 390])
def test_the_slider_moves_the_plan_by_keyboard(visit, plan, width):
    page, budgets = visit(width, address=plan[0]), plan[1]
    slider, start = page.locator("input[type=range]"), len(budgets) // 2
    assert shown(page) == told(budgets[start])
    mark = page.locator("circle.mark").first
    lines = page.locator("line.mark")
    slider.focus()
    places = {start: mark.get_attribute("transform")}
    for key, place in (("ArrowRight", start + 1), ("Home", 0), ("End", -1)):
        page.keyboard.press(key)
        assert shown(page) == told(budgets[place])
        assert slider.get_attribute("aria-valuetext") == budgets[place]["budget"]
        places[place] = mark.get_attribute("transform")
        planned = mark.evaluate("(it) => it.style.visibility") == "visible"
        assert planned == bool(budgets[place]["test loss"])
        across = places[place].partition(" ")[0]
        assert [line.get_attribute("transform") for line in lines.all()] == [
            f"{across} 0)"
        ] * 2
    assert len(set(places.values())) == 4
    assert faults(page) == []
    slider.fill(str(start))
    assert shown(page) == told(budgets[start])


def test_the_slider_moves_the_right_rows_after_the_table_was_sorted(visit, plan):
    page, budgets = visit(address=plan[0]), plan[1]
    unfold(page)
    page.locator("#budgets th button", has_text="parameters").click()
    page.locator("input[type=range]").focus()
    page.keyboard.press("Home")
    assert shown(page) == told(budgets[0])


def test_every_budget_can_be_read_without_javascript(visit, plan):
    page, budgets = visit(address=plan[0], java_script_enabled=False), plan[1]
    assert not page.locator("input[type=range]").is_visible()
    assert shown(page) == told(budgets[len(budgets) // 2])
    page.locator("#budgets summary").click()
    rows = page.locator("#budgets tbody tr").all()
    cells = [row.locator("td").all_inner_texts() for row in rows]
    assert cells == [list(each.values()) for each in budgets]
