"""How counts stand in sentences."""


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
