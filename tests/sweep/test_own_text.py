"""A user's own network of tokens: from a file to runs on a text, and its mistakes."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from letters import LETTERS, write_letters
from scripts import ROOT, call

from scaletime_jax import load_dataset, train_sweep
from scaletime_jax.errors import InputError
from scaletime_jax.sweep.checks import check_fits
from scaletime_jax.sweep.examples import run_keys
from scaletime_jax.sweep.grid import paper_grid
from scaletime_jax.sweep.own_network import read_own
from scaletime_jax.training.train import split_key

OWN = """
import jax, jax.numpy as jnp
from flax import linen as nn
from scaletime_jax.models.network import Network, Variables

class Sees(nn.Module):
    width: int
    tokens: int
    @nn.compact
    def __call__(self, x):
        h = nn.Embed(self.tokens, {size})(x)
        {then}
        return nn.Dense(self.tokens)({last})

def network(width, num_outputs):
    return Sees(width, num_outputs)

def images(width, num_outputs):
    flat = lambda x: x.reshape(len(x), -1)
    return nn.Sequential([flat, nn.Dense(width), nn.Dense(num_outputs)])

def convolved(width, num_outputs):
    return nn.Sequential([nn.Conv(width, (3, 3)), nn.Dense(num_outputs)])
"""
PLAIN = {"size": "self.width", "then": "pass", "last": "h"}
GRID = {"loss": "cross_entropy", "train_sizes": 64, "epochs": 2, "seeds": [1, 2]}
GRID = {**GRID, "optimizer": "adam", "learning_rates": 0.03, "widths": [2, 3]}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_letters(tmp_path_factory.mktemp("text") / "text.txt")


@pytest.fixture(scope="module")
def text(path):
    return load_dataset(f"text=text:{path},context=8")


@pytest.fixture
def write(tmp_path):
    """Writes a user's own networks, and returns --architecture's value of one."""

    def write(function="network", **parts):
        text = OWN.replace("{size}", "{0[size]}").replace("{then}", "{0[then]}")
        text = text.replace("{last}", "{0[last]}").format(PLAIN | parts)
        (tmp_path / "net.py").write_text(text)
        return f"mine={tmp_path}/net.py:{function}"

    return write


def test_a_network_of_ones_own_learns_a_text(write, text, tmp_path):
    """Of letters drawn one by one the best predictions are their shares."""
    grid = {**GRID, "train_sizes": 400, "epochs": 8}
    runs = train_sweep(text, tmp_path / "runs", architecture=write(), **grid)
    sizes = runs.table.groupby("width").num_params.first().to_dict()
    assert sizes == {w: 4 * w + 4 * w + 4 for w in (2, 3)}  # all of them
    best = -np.log(LETTERS)[text.test_labels].mean()
    ends = runs.table.groupby("run_id").test_loss.last()
    # 12 shares that are known from 3,200 letters cost 0.002
    np.testing.assert_allclose(ends, best, atol=0.02)
    assert (runs.table[runs.table.step == 0].test_loss > best + 0.05).all()


def test_the_first_loss_is_that_of_the_network_on_its_tokens(write, text, tmp_path):
    given = {**GRID, "epochs": 1, "seeds": 5, "widths": 2}
    runs = train_sweep(text, tmp_path / "runs", architecture=write(), **given)
    module = read_own(write(), ()).function(2, text.num_classes)
    assert isinstance(module, nn.Module)
    key, _ = split_key(run_keys(jnp.uint32(5)).train)
    tokens = jnp.asarray(text.test_images.astype(np.int32))
    outputs = module.apply(module.init(key, tokens[:1]), tokens)
    right = jax.nn.one_hot(text.test_labels, text.num_classes)
    loss = -float((jax.nn.log_softmax(outputs) * right).sum(-1).mean())
    [found] = runs.table[runs.table.step == 0].test_loss
    assert found == pytest.approx(loss, rel=1e-4)  # float32, in batches


MEAN = "h = h + h.mean(1, keepdims=True)"


@pytest.mark.parametrize(
    ("function", "parts", "words"),
    [
        ("images", {}, r"\(2, 4\) for inputs of shape \(2, 8\); .* here \(2, 8, 4\)"),
        ("convolved", {}, r"mine fails at width 2 on tokens of shape \(8,\) \("),
        ("network", {"last": "h[:, -1]"}, r"must be \[batch, length, num_outputs\]"),
        ("network", {"size": "3"}, "at width 2 and .* the number must grow"),
        (
            "network",
            {"then": MEAN},
            "depend on later tokens, which are to be predicted",
        ),
        (
            "network",
            {"then": "h = h.at[:, :-1].add(h[:, 1:])"},
            "depend on later tokens",
        ),
        ("network", {"then": "h = h - h.mean(0)"}, "depend on the other examples"),
    ],
)
def test_a_mistake_in_ones_own_network_is_one_sentence(
    write, text, function, parts, words
):
    with pytest.raises(InputError, match=words) as caught:
        paper_grid(text, architecture=write(function, **parts), **GRID)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


def test_what_came_before_may_be_seen(write, text):
    past = "h = h + jnp.cumsum(h, axis=1)"
    assert len(paper_grid(text, architecture=write(then=past), **GRID)) == 4


def test_images_are_not_for_a_network_of_tokens(write, few_digits):
    words = r"mine fails at width 2 on examples of shape \(28, 28, 1\) \(.*integer"
    with pytest.raises(InputError, match=words):
        paper_grid(few_digits, architecture=write(), train_sizes=64, widths=2)


def test_the_loss_of_a_text_is_asked_for(write, text):
    with pytest.raises(InputError, match="loss 'mse' is not for text"):
        paper_grid(text, architecture=write(), **{**GRID, "loss": "mse"})


def test_without_its_code_ones_own_network_is_asked_for(write, text):
    [config, *_] = paper_grid(text, architecture=write(), **GRID)
    gone = dataclasses.replace(config, architecture="mine")
    assert gone.network_source == config.network_source
    with pytest.raises(InputError, match="the code of the network 'mine' is not given"):
        check_fits(gone, text)


def test_the_script_takes_ones_own_network_of_a_text(write, path, tmp_path):
    few = (f"--dataset=text=text:{path},context=8", f"--architecture={write()}")
    more = ("--loss=cross_entropy", "--label_noise=0", "--train_sizes=64")
    where = f"--workdir={tmp_path}/work"
    done = call("tradeoff", *few, *more, "--widths=2,3", "--dry_run", where)
    assert done.returncode == 0, done.stderr
    assert "text mine width 2" in done.stdout


@pytest.mark.slow
def test_the_recurrent_network_of_the_examples_learns_from_the_past(tmp_path):
    """Below the entropy of single bytes, which no network without memory reaches."""
    examples = ROOT / "experiments/examples"
    plays = load_dataset(f"text:{examples}/tinyshakespeare.txt.gz,context=16")
    plays = plays._replace(
        test_images=plays.test_images[:200], test_labels=plays.test_labels[:200]
    )
    gru = f"gru={examples}/gru.py:gru"
    grid = {**GRID, "widths": 1, "train_sizes": 4000, "seeds": 1, "epochs": 4}
    runs = train_sweep(plays, tmp_path, architecture=gru, **grid)
    share = np.bincount(plays.test_labels.ravel()) / plays.test_labels.size
    share = share[share > 0]
    assert runs.table.test_loss.min() < -share @ np.log(share) - 0.5
