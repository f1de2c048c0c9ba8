"""Runs in the folders of trackers, written by the trackers' own clients."""

import json
import os
import struct
import subprocess
import sys
import zlib

import pytest
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.plugins.hparams import metadata
from tensorboard.plugins.hparams.plugin_data_pb2 import (
    HParamsPluginData,
    SessionStartInfo,
)
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from wandb.proto import wandb_internal_pb2

from scaletime_jax.errors import InputError
from scaletime_jax.runs import trackers
from scaletime_jax.runs.read import read_runs
from scaletime_jax.runs.trackers import read_tracker

STEPS = [10, 20, 30]


def write_events(folder, scalars, properties=None):
    """Writes scalars, [(tag, step, value)], as TensorBoard's clients do."""
    folder.mkdir(parents=True, exist_ok=True)
    writer = EventFileWriter(str(folder))
    for tag, step, value in scalars:
        entry = summary_pb2.Summary.Value(tag=tag, simple_value=value)
        summary = summary_pb2.Summary(value=[entry])
        writer.add_event(
            event_pb2.Event(wall_time=100.0 + step, step=step, summary=summary)
        )
    if properties is not None:
        summary = summary_pb2.Summary(value=[start_of_session(properties)])
        writer.add_event(event_pb2.Event(wall_time=100.0, summary=summary))
    writer.close()


def start_of_session(properties):
    """Returns hyperparameters as the HParams plugin stores them."""
    info = SessionStartInfo()
    for name, value in properties.items():
        kinds = {str: "string_value", bool: "bool_value", int: "number_value"}
        setattr(info.hparams[name], kinds[type(value)], value)
    about = metadata.create_summary_metadata(HParamsPluginData(session_start_info=info))
    return summary_pb2.Summary.Value(
        tag=metadata.SESSION_START_INFO_TAG,
        metadata=about,
        tensor=metadata.NULL_TENSOR,
    )


def losses(tag, size):
    return [(tag, step, size**-0.5 + 1 / step) for step in STEPS]


def framed(records):
    """Returns a log of records, cut into pieces at the ends of blocks."""
    log = b":W&B" + struct.pack("<HB", 0xBEE1, 0)
    for content in records:
        begun = False
        while True:
            left = trackers.BLOCK - len(log) % trackers.BLOCK
            if left < 7:
                log, left = log + bytes(left), trackers.BLOCK
            piece, content = content[: left - 7], content[left - 7 :]
            kind = (4 if begun else 1) if not content else (3 if begun else 2)
            checksum = zlib.crc32(bytes([kind]) + piece)
            log += struct.pack("<IHB", checksum, len(piece), kind) + piece
            begun = True
            if not content:
                break
    return log


def offline_run(name, config, history, summary=()):
    """Returns the records of an offline run."""
    record = wandb_internal_pb2.Record()
    record.run.run_id, record.run.display_name = f"id-{name}", name
    for key, value in config.items():
        record.run.config.update.add(key=key, value_json=json.dumps(value))
    records = [record]
    for row in history:
        record = wandb_internal_pb2.Record()
        for key, value in row.items():
            record.history.item.add(nested_key=[key], value_json=json.dumps(value))
        records.append(record)
    record = wandb_internal_pb2.Record()
    for key, value in dict(summary).items():
        record.summary.update.add(key=key, value_json=json.dumps(value))
    records.append(record)
    return [each.SerializeToString() for each in records]


def test_scalars_of_event_files_are_runs(tmp_path):
    for size in (100, 1000):
        for seed in (3, 4):
            place = tmp_path / f"size/num_params={size},seed={seed}"
            write_events(place, losses("val/loss", size) + losses("train/loss", 1))
    runs = read_runs(tmp_path)
    assert runs.num_runs == 4 and {*runs.table.seed} == {3, 4}
    assert {*runs.table.num_params} == {100, 1000}
    small = runs.table[(runs.table.num_params == 100) & (runs.table.seed == 4)]
    assert list(small.epoch) == STEPS and runs.clock.unit == "step"
    assert list(small.test_loss) == pytest.approx([0.1 + 1 / s for s in STEPS])
    assert "test_loss from val/loss" in runs.notes[0]


def test_hyperparameters_are_properties_of_the_run_around_them(tmp_path):
    for size in (100, 1000):
        place = tmp_path / f"r{size}"
        write_events(place, losses("loss/val", size))
        # torch's add_hparams writes into a folder inside the run
        known = {"num_params": size, "optimizer": "adam", "seed": 2, "nesterov": True}
        write_events(place / "1762.5", [], known)
    table = read_runs(tmp_path).table
    assert {*table.num_params} == {100, 1000} and {*table.optimizer} == {"adam"}
    assert {*table.seed} == {2}


def test_folders_of_train_and_validation_are_one_run(tmp_path):
    for size in (100, 1000):
        run = tmp_path / f"num_params={size}"
        write_events(run / "train", losses("loss", 1))
        write_events(run / "validation", losses("loss", size))
    table = read_runs(tmp_path).table
    assert table.run_id.nunique() == 2
    assert table.train_loss.min() == pytest.approx(1 + 1 / 30)
    assert table.test_loss.min() == pytest.approx(1000**-0.5 + 1 / 30)


def test_a_table_beside_the_folders_gives_the_sizes(tmp_path):
    for run in ("a", "b"):
        write_events(tmp_path / run, losses("val_loss", 10))
    with pytest.raises(InputError, match=r"num_params.*columns run and num_params"):
        read_runs(tmp_path)
    (tmp_path / "sizes.csv").write_text("run,num_params\na,100\nb,1000\n")
    assert {*read_runs(tmp_path).table.num_params} == {100, 1000}


def test_exported_curves_beside_the_folders_are_read_alone(tmp_path):
    write_events(tmp_path / "num_params=5", losses("val_loss", 10))
    rows = "num_params,seed,step,val_loss\n7,1,1,0.9\n7,1,2,0.8\n"
    (tmp_path / "mine.csv").write_text(rows)
    assert {*read_runs(tmp_path).table.num_params} == {7}


def test_steps_logged_again_replace_the_earlier_ones(tmp_path):
    place = tmp_path / "num_params=5"
    write_events(place, [("val_loss", 10, 1.0), ("val_loss", 20, 0.9)])
    write_events(place, [("val_loss", 20, 0.5), ("val_loss", 30, 0.4)])
    assert list(read_tracker(tmp_path).val_loss) == pytest.approx([1.0, 0.5, 0.4])


def test_a_learning_rate_that_follows_a_schedule_is_no_setting(tmp_path):
    for size in (100, 1000):
        rates = [("learning_rate", step, 1 / step) for step in STEPS]
        write_events(tmp_path / f"num_params={size}", losses("val_loss", size) + rates)
    assert read_runs(tmp_path).table.learning_rate.isna().all()
    with pytest.raises(InputError, match="a run has one learning_rate"):
        read_runs(tmp_path, columns={"learning_rate": "learning_rate"})


def test_offline_runs_of_wandb(tmp_path):
    note = "x" * 70_000  # longer than two blocks of the log
    for size in (100, 1000):
        place = tmp_path / f"wandb/offline-run-20260101_000000-{size}"
        place.mkdir(parents=True)
        config = {"model": {"n_layers": 2}, "seed": 1, "note": note, "_wandb": {}}
        history = [
            {"_step": step, "_runtime": step / 2, "eval/loss": 1 / step + 1 / size}
            for step in STEPS
        ]
        records = offline_run(f"n{size}", config, history, {"num_params": size})
        (place / f"run-{size}.wandb").write_bytes(framed(records))
    table = read_tracker(tmp_path)
    assert {*table.run} == {"n100", "n1000"}
    assert {*table["model/n_layers"]} == {2} and set(table.note) == {note}
    assert not [name for name in table if name.startswith("_wandb")]
    runs = read_runs(tmp_path)
    assert {*runs.table.num_params} == {100, 1000} and {*runs.table.seed} == {1}
    assert list(runs.table.epoch) == STEPS * 2


@pytest.mark.parametrize("short", range(-2, 25))
def test_records_may_end_anywhere_about_the_end_of_a_block(short):
    records = [b"a" * (trackers.BLOCK - 7 - short), b"b" * 10, b"c" * 70_000, b""]
    assert list(trackers.records_of(framed(records))) == records


def test_a_run_that_was_killed_is_read_up_to_its_last_whole_record(tmp_path):
    history = [{"_step": step, "val_loss": 1 / step} for step in STEPS]
    log = framed(offline_run("one", {"num_params": 5}, history))
    cut = log.rindex(b"val_loss") - 20
    (tmp_path / "run-one.wandb").write_bytes(log[:cut])
    assert list(read_tracker(tmp_path).step) == STEPS[:2]


@pytest.mark.parametrize(
    ("name", "content"),
    [("run-a.wandb", b"not a log"), ("run-a.wandb", framed([b"\xff" * 9]))],
)
def test_unreadable_files_are_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=rf"{name} cannot be read \(.+\)"):
        read_runs(tmp_path)


@pytest.mark.parametrize("package", ["tensorboard", "wandb"])
def test_missing_packages_are_named(tmp_path, monkeypatch, package):
    write_events(tmp_path / "a", losses("val_loss", 10))
    (tmp_path / "run-a.wandb").write_bytes(framed([]))
    module = {
        "tensorboard": "tensorboard.backend.event_processing",
        "wandb": "wandb.proto",
    }
    monkeypatch.setitem(sys.modules, module[package], None)
    with pytest.raises(InputError, match=rf"{package}.*\.\[logs\]"):
        read_runs(tmp_path)


def test_folders_without_scalars_say_so(tmp_path):
    write_events(tmp_path / "a", [])
    with pytest.raises(InputError, match="no scalars"):
        read_runs(tmp_path)


CLIENTS = {
    "wandb": """
import wandb
for size in (100, 1000):
    config = dict(seed=1, learning_rate=0.1)
    run = wandb.init(project="p", name=f"n{size}", config=config)
    run.summary["num_params"] = size
    for step in (10, 20, 30):
        run.log({"val/loss": 1 / step, "train/loss": 2 / step}, step=step)
    run.finish()
""",
    "torch": """
from torch.utils.tensorboard import SummaryWriter
for size in (100, 1000):
    with SummaryWriter(f"runs/n{size}") as writer:
        for step in (10, 20, 30):
            writer.add_scalar("val/loss", 1 / step, step)
            writer.add_scalar("train/loss", 2 / step, step)
        config = dict(num_params=size, seed=1, learning_rate=0.1)
        writer.add_hparams(config, {"end": 1.0})
""",
}


@pytest.mark.slow
@pytest.mark.parametrize("client", [*CLIENTS])
def test_folders_of_real_clients_are_read_without_a_flag(tmp_path, client):
    pytest.importorskip(client)
    environment = {**os.environ, "WANDB_MODE": "offline"}
    command = [sys.executable, "-c", CLIENTS[client]]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, timeout=200)
    table = read_runs(tmp_path).table
    assert {*table.num_params} == {100, 1000} and {*table.seed} == {1}
    assert list(table.epoch) == [10, 20, 30] * 2
    assert list(table.test_loss) == pytest.approx([1 / s for s in (10, 20, 30)] * 2)
    assert {*table.learning_rate} == {0.1}
