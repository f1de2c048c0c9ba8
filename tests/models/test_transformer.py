"""The transformer against PyTorch's from the same weights, and what it may see."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scaletime_jax.models.transformer import DEPTH, attend, rotate
from scaletime_jax.sweep.architectures import make_network, uncounted
from scaletime_jax.sweep.cost import network_cost
from scaletime_jax.training.batching import Batch
from scaletime_jax.training.hyper import Hyper
from scaletime_jax.training.optimizers import make_optimizer
from scaletime_jax.training.task import next_tokens
from scaletime_jax.training.train import make_update

WIDTH, LENGTH, TOKENS, BATCH, STEPS = 2, 12, 7, 6, 20
RATE = 0.003


@pytest.fixture(scope="module")
def network():
    return make_network("transformer", WIDTH, TOKENS)


@pytest.fixture(scope="module")
def tokens():
    """Windows that count upwards by one or two, so that there is what to learn."""
    rng = np.random.default_rng(0)
    first, by = rng.integers(0, TOKENS, (48, 1)), rng.integers(1, 3, (48, 1))
    return (first + by * np.arange(LENGTH + 1)) % TOKENS


@pytest.fixture(scope="module")
def variables(network, tokens):
    return network.init(jax.random.key(0), jnp.asarray(tokens[:1, :-1]))


def give_weights(params, module, torch):
    """Copies our weights into PyTorch's transformer."""

    def put(target, values):
        with torch.no_grad():
            target.copy_(torch.from_numpy(np.array(values)))

    put(module.embedding.weight, params["embedding"].T)
    put(module.unembedding.weight, params["unembedding"]["kernel"])
    norms = [params[f"Norm_{i}"]["gain"] for i in range(2 * DEPTH + 1)]
    for i in range(DEPTH):
        (norm, attention), (inner, expand, _, contract) = (
            module.blocks[2 * i],
            module.blocks[2 * i + 1],
        )
        put(norm.weight, norms[2 * i])
        put(inner.weight, norms[2 * i + 1])
        for name, layer in (
            ("attention", attention.mix),
            ("project", attention.project),
            ("expand", expand),
            ("contract", contract),
        ):
            put(layer.weight, params[f"{name}_{i}"]["kernel"])
    put(module.norm.weight, norms[-1])


@pytest.mark.parametrize(
    "optimizer", [pytest.param("sgd", marks=pytest.mark.slow), "adam"]
)
def test_outputs_and_twenty_steps_are_pytorchs(optimizer, network, variables, tokens):
    torch = pytest.importorskip("torch")
    import torch_reference as reference

    module = reference.make_network("transformer", WIDTH, (LENGTH,), TOKENS)
    # gains of one would not show a gain that is left out
    norms = {f"Norm_{i}": {"gain": jnp.linspace(0.5, 2, 8 * WIDTH)} for i in range(5)}
    start = variables._replace(params={**variables.params, **norms})
    give_weights(start.params, module, torch)
    inputs, targets = jnp.asarray(tokens[:, :-1]), jnp.asarray(tokens[:, 1:])
    with torch.no_grad():
        expected = module(torch.from_numpy(tokens[:, :-1])).numpy()
    outputs, _ = network.apply(start, inputs, False)
    # float32 sums of a few dozen terms, of outputs of about one
    np.testing.assert_allclose(outputs, expected, atol=1e-5)

    rate = {"sgd": 0.1, "adam": RATE}[optimizer]
    theirs = reference.make_optimizer(optimizer, list(module.parameters()), rate)
    ours, hyper, task = make_optimizer(optimizer), Hyper(rate), next_tokens()
    update = jax.jit(make_update(network, task, ours))
    now, state = start, ours.init(start.params, hyper)
    found, wanted = [], []
    for step in range(STEPS):
        index = np.arange(step * BATCH, (step + 1) * BATCH) % len(tokens)
        batch = torch.from_numpy(tokens[index])
        loss = reference.train_step(module, theirs, batch[:, :-1], batch[:, 1:])
        wanted.append(float(loss))
        mine = Batch(inputs[index], targets[index], jnp.full(BATCH, 1 / BATCH))
        outputs, _ = network.apply(now, mine.inputs, False)
        found.append(float(task.loss(outputs, mine.targets).mean()))
        now, state = update(now, state, mine, hyper, step, STEPS)
    # 20 steps of float32 in another order of sums: measured 2e-6
    np.testing.assert_allclose(found, wanted, rtol=2e-5)
    assert found[-1] < found[0] - 0.1  # it did train


def test_a_later_token_changes_no_earlier_output(network, variables, tokens):
    apply = jax.jit(lambda inputs: network.apply(variables, inputs, False)[0])
    inputs = jnp.asarray(tokens[:2, :-1])
    place = 5
    before = apply(inputs)
    after = apply(inputs.at[0, place].add(1) % TOKENS)
    np.testing.assert_array_equal(before[0, :place], after[0, :place])
    np.testing.assert_array_equal(before[1], after[1])  # nor one of another example
    changed = np.abs(np.asarray(before - after))[0, place:].max(axis=-1)
    assert (changed > 1e-4).all()


def test_attention_is_a_softmax_over_the_past():
    """Against loops in float64."""
    rng = np.random.default_rng(1)
    q, k, v = rng.normal(0, 1, (3, 2, 4, 3, 5))  # heads, channels, batch, length
    found = attend(*(jnp.asarray(x, jnp.float32) for x in (q, k, v)))
    expected = np.zeros_like(q)
    for h, b, t in np.ndindex(2, 3, 5):
        scores = q[h, :, b, t] @ k[h, :, b, : t + 1] / 2
        weights = np.exp(scores) / np.exp(scores).sum()
        expected[h, :, b, t] = v[h, :, b, : t + 1] @ weights
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_products_of_rotated_vectors_depend_on_the_distance_alone():
    rng = np.random.default_rng(2)
    q, k = (jnp.asarray(rng.normal(0, 1, (1, 8, 1, 1)), jnp.float32) for _ in "qk")
    q, k = (rotate(jnp.tile(x, (1, 1, 1, 9)))[0, :, 0] for x in (q, k))
    products = np.asarray(q.T @ k)
    for distance in range(-8, 9):
        along = np.diagonal(products, distance)
        np.testing.assert_allclose(along, along[0], atol=1e-5)
    assert np.ptp(products) > 0.5
    np.testing.assert_allclose((q**2).sum(0), (q[:, 0] ** 2).sum(), rtol=1e-5)


def test_the_size_leaves_the_embeddings_out():
    for width in (1, 3):
        network, tokens = make_network("transformer", width, TOKENS), (LENGTH,)
        left_out = uncounted("transformer")
        cost = network_cost(network, tokens, left_out, jnp.int32)
        assert cost.num_params == 1536 * width**2 + 40 * width
        assert cost.all_params == cost.num_params + 2 * TOKENS * 8 * width
