"""How counts stand in sentences, and titles in names of files."""

import hashlib
import math
import re

LONGEST = 100  # of a part of a name; most systems allow 255 bytes for the whole
SMALL = 0.1  # below which an error is told in percent
PREFIXES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


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


def short(number: float, least: float = 1e6) -> str:
    """Returns a number with three digits, as sizes and tokens are usually written.

        >>> short(73.9e6), short(1.3e12), short(1389.4), short(6e20)
        ('73.9M', '1.3T', '1,389', '6e20')

    Args:
        number: any number.
        least: the smallest number that is shortened by k, M, B or T; others of 100 or
            more are rounded to a whole number.
    """
    size = float(f"{abs(number):.3g}")
    if least <= size < 1e15:
        unit, letter = next(each for each in PREFIXES if size >= each[0])
        return f"{number / unit:.3g}{letter}"
    return f"{number:,.0f}" if 100 <= size < 1e6 else plain(number, 3)


def plain(number: float, digits: int = 6) -> str:
    """Returns a number as flags take it: an exponent has no plus and no leading zero.

        >>> plain(6e20), plain(1.5e9), plain(120_000), plain(1e-5)
        ('6e20', '1.5e9', '120000', '1e-5')

    Args:
        number: any number.
        digits: most digits.
    """
    return re.sub(r"e(-?)\+?0*", r"e\1", f"{number:.{digits}g}")


def tell_error(error: float) -> str:
    """Returns a mean |log(predicted / true)| in words: a share, or a factor.

        >>> tell_error(0.0042), tell_error(0.34)
        ('0.42%', 'a factor of 1.40')

    Args:
        error: 0 or more.
    """
    off = math.expm1(error)
    return f"{100 * off:.2g}%" if off < SMALL else f"a factor of {1 + off:.2f}"


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
