"""Packaging of scaletime_jax; tool settings live in setup.cfg and ruff.toml."""

import pathlib
import re

from setuptools import find_packages, setup

ROOT = pathlib.Path(__file__).parent
VERSION = re.search(
    r'__version__ = "(.+)"', (ROOT / "scaletime_jax/__init__.py").read_text()
).group(1)

SLURM = ["submitit>=1.5"]
LOGS = ["tensorboard>=2.17", "wandb>=0.19"]  # read folders of these trackers

setup(
    name="scaletime_jax",
    version=VERSION,
    description=(
        "How large, how long, on how much data? Scale-time equivalence and neural "
        "scaling laws, measured and explained in JAX."
    ),
    long_description=(ROOT / "README.md").read_text(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=find_packages(include=["scaletime_jax", "scaletime_jax.*"]),
    package_data={
        "scaletime_jax": ["py.typed"],
        "scaletime_jax.data": ["mnist12k.npz", "mnist12k.md"],
    },
    python_requires=">=3.11",
    install_requires=[
        "absl-py>=2.1",
        "filelock>=4.0",  # earlier ones delete the file of a lock that they free
        "flax>=0.11",
        "importlib_resources>=6.0",  # tensorflow-datasets needs it and does not ask
        "jax>=0.7",
        "jaxtyping>=0.3",
        "matplotlib>=3.9",
        "numpy>=2.0",
        "optax>=0.2.5",
        "orbax-checkpoint>=0.11",
        "pandas>=2.2.2",
        "Pillow>=10.3",
        "pyarrow>=17",
        "scipy>=1.13",
        "tensorflow-datasets>=4.9.10",
        "tqdm>=4.66",
    ],
    extras_require={
        "logs": LOGS,
        "slurm": SLURM,
        "test": [
            *LOGS,
            *SLURM,
            "beartype>=0.19",
            "ipykernel>=6.29",
            "mypy>=1.13",
            "nbclient>=0.10",
            "pytest>=8.2",
            "pytest-xdist>=3.6",
            "ruff>=0.9",
            "scikit-learn>=1.5",
        ],
        "bench": ["torch>=2.4"],
        "browser": ["playwright>=1.50"],  # drives the system's chromium
    },
)
