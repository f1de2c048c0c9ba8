"""Every page: links lead somewhere, commands are accepted, Python blocks run."""

import contextlib
import functools
import pathlib
import re
import shlex

import jax
import pytest
from scripts import FLAGFILES, ROOT, call

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "experiments").rglob("README.md")),
    *sorted((ROOT / "scaletime_jax").rglob("*.md")),
]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?:^ {4}.*\n)+", re.MULTILINE)
SCRIPT = re.compile(r"experiments/(\w+)\.py")
BENCHMARK = re.compile(r"experiments/benchmarks/(\w+)\.py")
# Blocks that train, or fit thirteen laws, for more than a few seconds.
LONG = {"README.md", "scaletime_jax/training/README.md"}
# Not an experiment: it needs the full MNIST.
OTHERS = {"make_mnist12k"}


def prose(page):
    """Returns a page without its code."""
    return INDENTED.sub("\n", FENCED.sub("\n", page.read_text()))


def links(page):
    """Returns the targets of a page's links and images that are not of the web."""
    text = re.sub(r"`[^`]*`", "", prose(page))
    found = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src="([^"]+)"', text)
    return [target for target in found if "://" not in target]


@functools.cache
def anchors(page):
    """Returns the names by which headings are linked, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", title.lower()) for title in titles]
    return {title.strip().replace(" ", "-") for title in plain}


@functools.cache
def commands():
    """Returns the words of each command that calls one of our scripts, none twice."""
    found = {}
    for page in PAGES:
        text = FENCED.sub("\n", page.read_text())
        blocks = [re.sub("^ {4}", "", b, flags=re.M) for b in INDENTED.findall(text)]
        lines = "\n".join(blocks).replace("\\\n", "").splitlines()
        inline = re.findall(r"`(python experiments/[^`]*)`", INDENTED.sub("", text))
        for part in (p for line in [*lines, *inline] for p in line.split(" && ")):
            if part.strip().startswith("python "):
                found[tuple(shlex.split(part, comments=True))] = None
    return list(found)


def commands_of(pattern):
    """Returns script -> the arguments of each command that calls it."""
    called = {}
    for _, path, *arguments in commands():
        name = pattern.fullmatch(path)
        if name and not any(each.startswith("--data_dir") for each in arguments):
            called.setdefault(name[1], []).append(arguments)
    return called


def python_blocks():
    found = []
    for name, page in zip(NAMES, PAGES, strict=True):
        blocks = [b for kind, b in FENCED.findall(page.read_text()) if kind == "python"]
        for number, block in enumerate(blocks, start=1):
            marks = [pytest.mark.slow] if name in LONG else []
            found.append(pytest.param(block, id=f"{name}-{number}", marks=marks))
    return found


@pytest.fixture
def beside(tmp_path):
    """A folder to write to, in which the pages' paths into the tree are right."""
    for name in ("experiments", "scaletime_jax"):
        (tmp_path / name).symlink_to(ROOT / name)
    with contextlib.chdir(tmp_path):
        yield tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name):
    page = ROOT / name
    for target in links(page):
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{name} links to {target}"
        assert not anchor or anchor in anchors(there), f"{name} links to {target}"


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 200


def test_the_readme_has_its_two_lines():
    text = (ROOT / "README.md").read_text()
    assert 'pip install -e ".[test]" && pytest\n' in text
    preset = "experiments/flagfiles/tradeoff/first.flags"
    first = f"pip install -e . && python experiments/tradeoff.py --flagfile={preset}"
    assert f"{first}\n" in text


def test_every_figure_is_on_the_page_of_results():
    page = ROOT / "experiments/results/README.md"
    shown = {(page.parent / target).resolve() for target in links(page)}
    for figure in page.parent.glob("*/*.png"):
        assert figure in shown or figure.parent.name == "benchmarks", figure


def is_preset(script, arguments):
    """Whether these are one flagfile alone, which `test_presets.py` dry-runs."""
    own = [each for each in arguments if not each.startswith("--workdir")]
    if len(own) != 1 or not own[0].startswith("--flagfile="):
        return False
    flagfile = ROOT / own[0].partition("=")[2]
    assert flagfile.is_file() and flagfile.parent == FLAGFILES / script
    return True


@pytest.mark.parametrize("script", sorted(commands_of(SCRIPT).keys() - OTHERS))
def test_commands_are_accepted(script, beside):
    """Those that train are dry-run, those that read --runs read them."""
    for words in commands():
        if words[1] == "-c":  # makes the user's own data of the page
            (beside / "results").mkdir(exist_ok=True)
            exec(words[2], {})
    workdir = beside / "new"
    if script == "report":  # which draws from what is there
        workdir = ROOT / "experiments/results"
    for arguments in commands_of(SCRIPT)[script]:
        if is_preset(script, arguments):
            continue
        given = [each.replace(":results/", f":{beside}/results/") for each in arguments]
        done = call(script, *given, "--dry_run", f"--workdir={workdir}")
        assert done.returncode == 0, f"{script} {' '.join(arguments)}: {done.stderr}"
    assert not (beside / "new").exists()


def test_commands_of_benchmarks_have_scripts_and_flags():
    folder = ROOT / "experiments/benchmarks"
    define = re.compile(r'DEFINE_\w+\(\s*"(\w+)"')
    known = {n for p in folder.glob("*.py") for n in define.findall(p.read_text())}
    called = commands_of(BENCHMARK)
    assert {"accelerator", "engine", "growth", "theory", "features"} <= called.keys()
    for script, calls in called.items():
        assert (folder / f"{script}.py").exists()
        for argument in (each for arguments in calls for each in arguments):
            name = re.fullmatch(r"--(\w+)=.+", argument)
            assert name and name[1] in known, f"{script} {argument}"


@pytest.mark.parametrize("block", python_blocks())
def test_python_blocks_run(block, beside):
    double = jax.config.jax_enable_x64
    try:
        exec(block, {"__name__": "__main__"})
    finally:
        jax.config.update("jax_enable_x64", double)


def test_pages_name_no_file_that_is_gone():
    for name, page in zip(NAMES, PAGES, strict=True):
        text = page.read_text()
        paths = re.findall(
            r"(?:scaletime_jax|experiments|tests)/[\w/]+\.(?:py|flags|csv|npz)", text
        )
        for path in paths:
            here = pathlib.Path(path)
            assert (ROOT / here).exists() or "NAME" in path, f"{name}: {path}"
