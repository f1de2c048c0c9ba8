import numpy as np
import pytest
from planted import PARAMS, as_logs, planted_runs
from written import assert_can_be_written

from scaletime_jax.errors import InputError
from scaletime_jax.runs.read import Runs
from scaletime_jax.studies.label_noise import AXES, make_claims, study, study_noise

EPOCHS = np.array([0.0, 1.0, 3.0, 10.0, 30.0, 100.0])
SIZES = (100, 500, 2000)
P = {width: np.cbrt(num_params) for width, num_params in PARAMS.items()}


def law(in_time, in_size, in_data):
    """Noise adds 0.1 noise x a function of time, of size and of data."""

    def losses(p, t, n, noise):
        added = 0.1 * noise * in_time(t) * in_size(p) * in_data(n)
        clean = 0.05 / (1 + t) + 1 / n + 1 / p
        return clean + added, np.ones_like(t)

    return losses


def persistent(x):
    return 1 - np.exp(-np.asarray(x, float))


def local(x, at):
    return np.exp(-(np.log((np.asarray(x, float) + 1e-9) / at) ** 2))


def by_axis(table, **chosen):
    [made] = study_noise(table, **chosen)
    return made, {effect.axis: effect for effect in made.effects}


def test_persistent_in_time_and_size_local_in_data():
    effect = law(persistent, persistent, lambda n: local(n, 300))
    table = planted_runs(effect, EPOCHS, SIZES, (0.0, 0.2))
    made, effects = by_axis(table)
    assert (made.width, made.train_size) == (2, 500)  # the middle ones
    assert made.fields["label_noise"] == 0.2
    assert effects["epoch"].persistence.value == pytest.approx(1.0, abs=1e-9)
    ratio = local(2000, 300) / local(500, 300)
    assert effects["train_size"].persistence.value == pytest.approx(ratio, abs=1e-9)
    claims = [c for c in make_claims([made]) if "noise adds" in c.statement]
    assert [claim.verdict for claim in claims] == ["holds"] * (2 + len(PARAMS))
    for peak in made.peaks:
        heights = 0.02 * persistent(100) * persistent(P[peak.width])
        ends = local(500, 300) - max(local(100, 300), local(2000, 300))
        assert peak.height.value == pytest.approx(heights * ends, rel=1e-3)


def test_the_opposite_fails():
    effect = law(lambda t: local(t, 3), lambda p: local(p, 20), lambda n: n / 2000)
    [made] = study_noise(planted_runs(effect, EPOCHS, SIZES, (0.0, 0.2)))
    claims = [c for c in make_claims([made]) if "noise adds" in c.statement]
    assert [claim.verdict for claim in claims] == ["fails"] * (2 + len(PARAMS))


def test_added_is_noisy_less_clean_seed_by_seed():
    table = planted_runs(
        law(persistent, persistent, persistent), EPOCHS, SIZES, (0, 0.2)
    )
    table["test_loss"] += 0.05 * table.seed  # seeds differ, the same in both
    _, effects = by_axis(table)
    np.testing.assert_allclose(
        effects["effective_size"].added.mean,
        [0.02 * persistent(100) * persistent(p) * persistent(500) for p in P.values()],
        rtol=1e-5,
    )
    np.testing.assert_allclose(effects["effective_size"].added.sem, 0, atol=1e-12)
    assert effects["effective_size"].clean.sem.min() > 0.01


@pytest.mark.parametrize(("strength", "verdict"), [(0.4, "holds"), (0.0, "fails")])
def test_a_u_over_size_is_found_at_every_train_size(strength, verdict):
    bump = law(persistent, lambda p: strength * (p / 20) ** 2, persistent)
    table = planted_runs(bump, EPOCHS, SIZES, (0.0, 0.2))
    [made] = study_noise(table.assign(optimizer="adam", dataset="cifar10"))
    p = np.array(list(P.values()))
    at_end = 1 / p + 0.02 * strength * (p / 20) ** 2
    assert [shape.train_size for shape in made.shapes] == list(SIZES)
    for shape in made.shapes:
        depth = min(at_end[0], at_end[-1]) - at_end[1:-1].min()
        assert shape.noisy.value == pytest.approx(depth, rel=1e-3)
        assert shape.clean.value < 0
    claims = [c for c in make_claims([made]) if "rises again" in c.statement]
    assert {c.verdict for c in claims} == {verdict}
    assert {c.source for c in claims} == {"[BF24, Sec. 5.5]"}


@pytest.mark.parametrize(
    ("dataset", "optimizer", "sources"),
    [
        ("mnist", "adam", {"[BF24, Fig. 6, 9]", "beyond [BF24, Sec. 5.5]"}),
        ("cifar10_jpeg", "adam", {"[BF24, Fig. 6, 9]", "[BF24, Sec. 5.5]"}),
        ("cifar100", "adam", {"[BF24, Fig. 6, 9]", "beyond [BF24, Sec. 5.5]"}),
        ("mnist", "sgd", {"beyond [BF24, Fig. 6, 9]", "beyond [BF24, Sec. 5.5]"}),
    ],
)
def test_what_the_paper_did_not_look_at_is_marked(dataset, optimizer, sources):
    table = planted_runs(
        law(persistent, persistent, persistent), EPOCHS, SIZES, (0, 0.2)
    )
    studies = study_noise(table.assign(dataset=dataset, optimizer=optimizer))
    assert {claim.source for claim in make_claims(studies)} == sources


def test_without_the_middle_cell_another_is_looked_at():
    table = planted_runs(
        law(persistent, persistent, persistent), EPOCHS, SIZES, (0, 0.2)
    )
    gone = (table.width == 2) & (table.train_size == 500) & (table.label_noise > 0)
    made, effects = by_axis(table[~gone])
    assert (made.width, made.train_size) == (2, 100)
    assert set(effects) == {"epoch", "effective_size", "train_size"}


def test_chosen_places():
    table = planted_runs(
        law(persistent, persistent, persistent), EPOCHS, SIZES, (0, 0.2)
    )
    made, _ = by_axis(table, width=10, train_size=100)
    assert (made.width, made.train_size) == (10, 100)
    with pytest.raises(InputError, match="no run has train_size 300") as error:
        study_noise(table, train_size=300)
    assert error.value.quantities == {"at_train_size": 100}


@pytest.mark.parametrize("noises", [(0.0,), (0.2,), (0.1, 0.2)])
def test_both_kinds_of_runs_are_needed(noises):
    table = planted_runs(law(persistent, persistent, persistent), EPOCHS, SIZES, noises)
    with pytest.raises(InputError, match="a share above 0") as error:
        study_noise(table)
    assert error.value.quantities == {"label_noise": "0,0.2"}


def test_each_share_of_noise_is_a_study():
    table = planted_runs(
        law(persistent, persistent, persistent), EPOCHS, SIZES, (0.0, 0.1, 0.4)
    )
    assert [s.fields["label_noise"] for s in study_noise(table)] == [0.1, 0.4]


def test_one_evaluation_at_which_training_jumped_counts_a_tenth():
    epochs = np.arange(40.0)
    steady = law(lambda t: np.ones_like(t), persistent, persistent)
    table = planted_runs(steady, epochs, (500,), (0.0, 0.2))
    jumped = (table.label_noise > 0) & (table.epoch == 20)
    added = 0.02 * persistent(P[2]) * persistent(500)
    table.loc[jumped, "test_loss"] += 2 * added
    [made] = study_noise(table)
    effect = made.effects[0]
    assert effect.axis == "epoch"
    assert effect.persistence.value == pytest.approx(1 / 1.5, rel=1e-6)


def test_the_study_holds_all_that_is_written():
    effect = law(persistent, persistent, persistent)
    table = planted_runs(effect, EPOCHS, SIZES, (0.0, 0.2), scatter=0.05)
    result = study(Runs(table, [], []), at_width=5)
    assert_can_be_written(result)
    [made] = study_noise(table, width=5)
    assert result.claims == make_claims([made]) and result.notes == []
    [entry] = result.summary["studies"]
    assert (entry["width"], entry["train_size"]) == (5, 500)
    assert set(entry["axes"]) == set(result.tables) == set(AXES)
    for axis_effect in made.effects:
        at_end = entry["axes"][axis_effect.axis]["added_at_the_end"]
        assert at_end == axis_effect.added.mean[-1]
        points = result.tables[axis_effect.axis]
        added = [row["mean"] for row in points if row["curve"] == "added"]
        np.testing.assert_array_equal(added, axis_effect.added.mean)
    heights = [shape.noisy.value for shape in made.shapes]
    assert [each["with_noise"]["value"] for each in entry["shapes"]] == heights


def test_logs_that_say_little():
    effect = law(persistent, persistent, persistent)
    table = planted_runs(effect, EPOCHS, SIZES, (0.0, 0.2))
    known = "train_size", "label_noise"
    assert_can_be_written(study(Runs(as_logs(table, *known), [], [])))
    clean = as_logs(table[table.label_noise == 0], *known)
    with pytest.raises(InputError, match=r"^the runs of planted have label_noise 0"):
        study(Runs(clean, [], []))
