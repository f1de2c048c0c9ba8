"""A user's own network: from a file, a function or a Network, to runs in the table."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from flax import linen as nn
from grids import few
from scripts import ROOT, call, refused

from scaletime_jax import own_network, read_runs, train_sweep
from scaletime_jax.errors import InputError
from scaletime_jax.models.network import Network, Variables
from scaletime_jax.sweep.config import RunConfig
from scaletime_jax.sweep.grid import paper_grid
from scaletime_jax.sweep.plan import plan_units
from scaletime_jax.sweep.timing import time_own

SMALL = {"train_sizes": 32, "seeds": [1, 2], "epochs": 1, "widths": [2, 3]}
LINEAR = """
from flax import linen as nn

def linear(width, num_outputs):
    return nn.Sequential([lambda x: x.reshape(len(x), -1), nn.Dense(width),
                          nn.Dense(num_outputs)])
"""
PURE = """
import jax, jax.numpy as jnp
from scaletime_jax.models.network import Network, Variables

def network(width, num_outputs{more}):
    def init(key, x):
        size = x[0].size
        return Variables({{"w": {scale} * jax.random.normal(key, (size, {size})),
                           "v": jnp.ones(({size}, num_outputs))}}, {state})
    def apply(variables, x, train):
        h = x.reshape(len(x), -1) @ variables.params["w"]
        {then}
        return {outputs}, variables
    return Network(init, apply)
"""
BARE = """
from scaletime_jax.models.network import Network, Variables

def network(width, num_outputs):
    return Network(lambda key, x: {init}, lambda variables, x, train: x)
"""
PLAIN = {
    "more": "",
    "scale": 1.0,
    "size": "width",
    "state": "()",
    "then": "pass",
    "outputs": 'h @ variables.params["v"]',
}


@pytest.fixture
def write(tmp_path):
    """Writes a file of Python, and returns --architecture's value for its function."""

    def write(text, function="network", name="mine"):
        (tmp_path / "net.py").write_text(text)
        return f"{name}={tmp_path}/net.py:{function}"

    return write


def linear(width, num_outputs):
    layers = [lambda x: x.reshape(len(x), -1), nn.Dense(width), nn.Dense(num_outputs)]
    return nn.Sequential(layers)


@pytest.fixture(scope="module")
def rows(digits):
    """Examples that are no images: 28 numbers of 28 rows."""
    data = few(digits)
    images = (each / np.float32(255) for each in (data.train_images, data.test_images))
    train, test = (each[..., 0] for each in images)
    return data._replace(name="rows", train_images=train, test_images=test)


@pytest.fixture(scope="module")
def trained(rows, tmp_path_factory):
    """The runs of the file above, and their folder."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "net.py").write_text(LINEAR)
    given = f"mine={folder}/net.py:linear"
    runs = train_sweep(rows, folder / "runs", architecture=given, **SMALL)
    (folder / "net.py").unlink()  # tables are read without the code
    return runs, folder


def test_runs_have_name_size_and_source(trained):
    runs, folder = trained
    table = read_runs(folder / "runs").table
    both = (each.sort_values(["run_id", "step"]) for each in (table, runs.table))
    pd.testing.assert_frame_equal(*(each.reset_index(drop=True) for each in both))
    sizes = table.groupby("width").num_params.first().to_dict()
    assert sizes == {w: 784 * w + w + 10 * w + 10 for w in (2, 3)}
    assert set(table.architecture) == {"mine"} and set(table.init) == {"own"}
    [source] = set(table.network_source)
    assert len(source) == 12 and np.isfinite(table.test_loss).all()


def test_a_lane_is_a_loop_over_the_users_function(trained, rows):
    """The first evaluation of a run is that of its own initialisation."""
    from scaletime_jax.sweep.examples import run_keys
    from scaletime_jax.training.train import split_key

    runs, _ = trained
    images = jnp.asarray(rows.test_images)
    targets = jax.nn.one_hot(rows.test_labels, 10)
    for width in (2, 3):
        module = linear(width, 10)
        key, _ = split_key(run_keys(jnp.uint32(2)).train)
        outputs = module.apply(module.init(key, images[:1]), images)
        loss = float(((outputs - targets) ** 2).mean())
        rows = runs.table.query(f"width == {width} and seed == 2 and step == 0")
        # float32, and batches of another size
        assert rows.test_loss.item() == pytest.approx(loss, rel=1e-4)


def test_a_second_command_finds_the_runs_and_reads_them_without_the_code(trained):
    _, folder = trained
    flags = f"--runs={folder}/runs", f"--workdir={folder}", "--dry_run"
    gone = f"--architecture=mine={folder}/gone.py:linear"
    for more in ([], [gone], ["--architecture=mine"]):
        done = call("tradeoff", *flags, "--threshold=0.05", *more)
        assert done.returncode == 0 and "draws from 4 runs" in done.stdout


def test_changed_code_is_another_run_and_other_names_too(write, digits):
    def ids(given):
        return [c.run_id for c in paper_grid(digits, architecture=given, **SMALL)]

    first = ids(write(LINEAR, "linear"))
    assert ids(write(LINEAR, "linear")) == first
    assert not set(ids(write(LINEAR, "linear", "other"))) & set(first)
    assert not set(ids(write(LINEAR + "# changed\n", "linear"))) & set(first)


def test_code_beside_the_file_counts(write, digits, tmp_path):
    text = "from beside_it import make\ndef network(w, n):\n    return make(w, n)\n"

    def source(beside):
        import sys

        sys.modules.pop("beside_it", None)  # as in another process
        sys.modules.pop("net", None)
        (tmp_path / "beside_it.py").write_text(beside)
        for name in [each for each in sys.modules if each.startswith("net_")]:
            del sys.modules[name]
        [config, *_] = paper_grid(digits, architecture=write(text), **SMALL)
        return config.network_source

    one = source(LINEAR.replace("linear", "make"))
    assert source(LINEAR.replace("linear", "make")) == one
    assert source(LINEAR.replace("linear", "make") + "\nX = 1\n") != one


def in_a_notebook(text, known):
    """Returns what cells of a notebook, or lines at a prompt, define."""
    import linecache

    cell = f"<ipython-input-{abs(hash(text))}>" if known else "<stdin>"
    if known:
        linecache.cache[cell] = len(text), None, text.splitlines(keepends=True), cell
    space = {"__name__": "__main__"}
    exec(compile(text, cell, "exec"), space)
    return space["network"]


@pytest.mark.parametrize("known", [True, False])
def test_a_function_of_a_notebook_is_told_from_a_changed_one(known):
    cells = (
        "from flax import linen as nn\nDEPTH = 2\n"
        "class Net(nn.Module):\n    width: int\n    @nn.compact\n"
        "    def __call__(self, x):\n        return nn.Dense(self.width)(x)\n"
        "def helper(w):\n    return Net(w * DEPTH)\n"
        "def network(w, n):\n    return helper(w)\nUNUSED = 3\n"
    )

    def source(text):
        return own_network("a", in_a_notebook(text, known)).source

    same = source(cells)
    assert source(cells) == same
    unused = cells.replace("UNUSED = 3", "UNUSED = 4")
    assert source(unused) == same
    for old, new in (
        ("DEPTH = 2", "DEPTH = 3"),
        ("(self.width)", "(self.width + 1)"),
        ("w * DEPTH", "DEPTH * w"),
    ):
        assert source(cells.replace(old, new)) != same


def test_from_python_a_function_or_a_network(digits):
    byname = paper_grid(digits, architecture=linear, **SMALL)
    named = paper_grid(digits, architecture=[own_network("linear", linear)], **SMALL)
    assert byname == named and byname[0].architecture == "linear"
    one = Network(
        lambda key, x: Variables(jnp.ones((x[0].size, 10)), ()),
        lambda variables, x, train: (x.reshape(len(x), -1) @ variables[0], variables),
    )
    with pytest.raises(InputError, match="a Network needs a name"):
        paper_grid(digits, architecture=one, **SMALL)
    own = own_network("one", one)
    [config] = paper_grid(
        digits, architecture=own, **{**SMALL, "widths": 1, "seeds": 1}
    )
    [unit] = plan_units([config], {digits.name: digits})
    assert unit.cost.num_params == 7840 and unit.cost.forward_flops == 2 * 7840
    with pytest.raises(InputError, match="the number must grow with the width"):
        paper_grid(digits, architecture=own, **SMALL)


def test_a_config_comes_back_from_its_metadata(digits):
    [config, *_] = paper_grid(digits, architecture=linear, **SMALL)
    plain = {k: str(v) if k == "architecture" else v for k, v in config.values.items()}
    again = RunConfig(**plain)
    assert again == config and again.run_id == config.run_id
    assert RunConfig(**dataclasses.asdict(config)).run_id == config.run_id


NORM = {
    "then": 'h = h - (h.mean(0) if train else variables.state["mean"])',
    "state": '{"mean": jnp.zeros(width)}',
}


def test_a_network_that_mixes_examples_is_trained_on_whole_batches(write, digits):
    given = write(PURE.format(**PLAIN | NORM))
    assert len(paper_grid(digits, architecture=given, **SMALL)) == 4
    with pytest.raises(InputError, match="leaves a batch of 8 at a batch_size of 32"):
        paper_grid(digits, architecture=given, **{**SMALL, "train_sizes": 40})
    plain = write(PURE.format(**PLAIN))
    paper_grid(digits, architecture=plain, **{**SMALL, "train_sizes": 40})


def test_a_state_that_changes_counts_as_mixing(write, digits):
    """Where the batch acts on later steps alone."""
    counted = PURE.format(**PLAIN | {"state": '{"n": jnp.zeros(())}'}).replace(
        'v"], variables\n',
        'v"], (Variables(variables.params, {"n": variables.state["n"] + 1.0}) if train '
        "else variables)\n",
    )
    with pytest.raises(InputError, match="is trained on whole batches"):
        paper_grid(digits, architecture=write(counted), **{**SMALL, "train_sizes": 40})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, r"there is no file '.*gone.py'; give .* NAME=FILE.py:FUNCTION"),
        ("import nothing_there\n", r"net.py, line 1: ModuleNotFoundError: No module"),
        ("x = 1\ndef f(:\n", r"net.py, line 2: SyntaxError"),
        ("def other(width, num_outputs):\n  pass\n", "no function 'network'; .* other"),
        (PURE.format(**PLAIN | {"more": ", depth"}), r"line 5: network\(width, num_"),
        ("def network(width, n):\n  return 1 / 0\n", r"line 2: ZeroDivisionError: div"),
        (
            "def network(width, n):\n  return 'x'\n",
            r"line 1: the network mine is a str",
        ),
        (
            PURE.format(**PLAIN | {"outputs": "h"}),
            r"line 5: the outputs of mine have shape \(2, 2\) .* here \(2, 10\)",
        ),
        (
            PURE.format(**PLAIN | {"size": "3"}),
            "parameters at width 2 and .* must grow",
        ),
        (PURE.format(**PLAIN | {"scale": "jnp.inf"}), "width 2 are not finite at the"),
        (
            PURE.format(**PLAIN | {"then": "h = h - h.mean(0)"}),
            "depend on the other examples of the batch in evaluation",
        ),
        (
            PURE.format(**PLAIN | {"then": "h = h.reshape(3, 3, 3)"}),
            r"at width 2 on examples of shape \(28, 28, 1\) \(net.py, line 12: Type",
        ),
        (
            BARE.format(init="{}"),
            r"line 4: init of the network mine returns a dict; return Variables\(p",
        ),
        (
            BARE.format(init="Variables({}, ())"),
            r"apply of the network mine returns a .*Tracer; return \(outputs, variabl",
        ),
    ],
)
def test_a_mistake_is_one_sentence_with_its_place(write, digits, text, words):
    given = "mine=gone.py:network" if text is None else write(text)
    with pytest.raises(InputError, match=words) as caught:
        paper_grid(digits, architecture=given, **SMALL)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("mlp=net.py:network", "'mlp' is the name of a network of ours"),
        ("a b=net.py:network", "a network cannot be called 'a b'"),
        ("mine=net.py", "'mine=net.py' is no network; write NAME=FILE.py:FUNCTION"),
        ("vit", "unknown architecture 'vit'"),
        (lambda width, n: None, "<lambda> is no name; give own_network"),
        (3, "the network int is a int; give a function"),
    ],
)
def test_names_are_checked(digits, unchecked, given, words):
    with pytest.raises(InputError, match=words):
        paper_grid(digits, architecture=given, **SMALL)


def test_settings_that_it_does_not_read_are_refused(digits):
    with pytest.raises(InputError, match="init 'he' is not used by linear"):
        paper_grid(digits, architecture=linear, init="he", **SMALL)
    with pytest.raises(InputError, match="activation 'erf' is used by the mlp alone"):
        paper_grid(digits, architecture=linear, activation="erf", **SMALL)
    with pytest.raises(InputError, match="network_source 'a' is not that of the code"):
        paper_grid(digits, architecture=linear, network_source="a", **SMALL)


def test_scripts_exit_with_code_2(tmp_path, write):
    bad = write("import nothing_there\n")
    said = refused("tradeoff", f"--architecture={bad}", f"--workdir={tmp_path}/w")
    assert "net.py, line 1: ModuleNotFoundError" in said
    assert not (tmp_path / "w").exists()


def test_a_dry_run_has_its_programs_and_its_time(tmp_path, write):
    own = f"--architecture={write(LINEAR, 'linear')}"
    sizes = "--widths=1,2", "--train_sizes=500", f"--workdir={tmp_path}"
    done = call("tradeoff", own, *sizes, "--optimizer=adam", "--dry_run")
    assert done.returncode == 0, done.stderr
    assert "10 to train as 2 programs" in done.stdout and "mine width 2" in done.stdout
    assert "on this machine" in done.stdout


def test_its_features_are_not_known(tmp_path, write):
    own = f"--architecture={write(LINEAR, 'linear')}"
    said = refused("learned_features", own, "--train_sizes=100", "--widths=2")
    assert "last hidden layer of a network of your own is not known" in said


@pytest.mark.slow
def test_timing_trains_its_smallest_and_largest_network(monkeypatch, few_digits):
    monkeypatch.undo()  # the machine is timed here
    monkeypatch.setattr("scaletime_jax.sweep.timing.OWN_WORK", 1e7)
    configs = paper_grid(few_digits, architecture=linear, **SMALL)
    datasets = {few_digits.name: few_digits}
    found = time_own(plan_units(configs, datasets), datasets)
    assert np.isfinite(found).all() and min(found) >= 0


@pytest.mark.slow
def test_the_vision_transformer_of_the_examples_learns(digits, tmp_path):
    vit = f"vit={ROOT}/experiments/examples/vit.py:vit"
    grid = {"widths": [4], "train_sizes": 1000, "seeds": [1], "epochs": 10}
    how = {"optimizer": "adam", "learning_rates": 0.003}
    runs = train_sweep(digits, tmp_path, architecture=vit, **how, **grid)
    assert runs.table.test_accuracy.max() > 0.5  # ten classes
