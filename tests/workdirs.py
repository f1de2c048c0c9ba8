"""Workdirs of small results, as experiments leave them."""

import io
import json

import numpy as np
from PIL import Image

NETWORK = {"dataset": "mnist", "architecture": "mlp", "optimizer": "sgd"}


def claim(verdict="holds", **entries):
    """Returns a claim as summary.json has it."""
    return {
        "source": "[BF24, Fig. 2]",
        "statement": "Size and time trade one to one.",
        "setting": {**NETWORK, "learning_rate": 0.01, "share": None},
        "quantity": "slope",
        "value": -1.0,
        "interval": [-1.1, -0.9],
        "holds_within": [-1.15, -0.85],
        "verdict": verdict,
        "note": "",
        "p_value": 0.04,
        "corrected": verdict,
        "p_corrected": 0.2,
    } | entries


def summary(experiment, **entries):
    """Returns the content of summary.json."""
    return {
        "experiment": experiment,
        "title": f"About {experiment}",
        "caption": "Draws a grey field.",
        "flags": {"workdir": "results", "seeds": ["101"], "runs": None, "noise": ""},
        "claims": [],
        "versions": {"scaletime_jax": "0.1.0", "jax": "0.10", "device": "2 x cpu"},
    } | entries


def picture(width=800, height=400):
    """Returns a PNG file of grey noise."""
    noise = np.random.default_rng(0).integers(100, 156, (height, width), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "png")
    return file.getvalue()


def write_result(workdir, place, experiment=None, **entries):
    """Writes a result to a folder of the workdir, and returns the folder."""
    folder = workdir / place
    folder.mkdir(parents=True)
    content = summary(experiment or folder.name, **entries)
    names = [each["name"] for each in content.get("figures", [])]
    for name in names or [content["experiment"]]:
        (folder / f"{name}.png").write_bytes(picture())
    (folder / "summary.json").write_text(json.dumps(content))
    return folder
