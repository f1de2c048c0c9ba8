"""How counts stand in sentences, and titles in names of files."""

import hashlib
import re

LONGEST = 100  # of a part of a name; most systems allow 255 bytes for the whole


def count_of(number: int | float, noun: str, plural: str = "") -> str:
    """Returns a count with its noun: 1 size, 2 sizes.

        >>> count_of(1, "size"), count_of(2_000, "run"), count_of(2, "axis", "axes")
        ('1 size', '2,000 runs', '2 axes')

    Args:
        number: how many; thousands are set apart by commas.
        noun: of one.
        plural: of several; the noun with an s if not given.
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def file_part(title: str) -> str:
    """Returns a title as part of a file's name: letters, digits, dashes, dots.

    A long title is cut, and ends with a digest of the whole.

        >>> file_part("MNIST, SGD 0.1")
        'MNIST-SGD-0.1'

    Args:
        title: any text.
    """
    part = re.sub(r"[^\w.]+", "-", title).strip("-.")
    if len(part.encode()) <= LONGEST:
        return part
    digest = hashlib.sha256(title.encode()).hexdigest()[:8]
    return f"{part.encode()[: LONGEST - 9].decode(errors='ignore')}-{digest}"
