"""Scale-time equivalence and neural scaling laws, measured and explained in JAX.

Rooms, each importing only from those to its left:

    data -> models -> training -> sweep -> analysis -> plotting

with `theory` beside the chain, known to `analysis` alone. Papers are cited as
[BF24] (Boopathy & Fiete 2024) and [B21] (Bahri et al. 2021).
"""

__version__ = "0.1.0"
