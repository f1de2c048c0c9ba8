"""A figure's PNG file, and how a page holds it: the same pixels in fewer bytes."""

import base64
import io
import pathlib
from typing import NamedTuple

from PIL import Image

from scaletime_jax.errors import InputError

LARGEST_WEBP = 16383  # pixels a side
# What Pillow raises for files that are damaged, no pictures or far too large.
DAMAGES = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


class Picture(NamedTuple):
    """A figure.

    Attributes:
        name: of its file, without the ending.
        title: what it shows, in words.
        width: in pixels.
        height: in pixels.
        content: of the PNG file.
    """

    name: str
    title: str
    width: int
    height: int
    content: bytes


def read_picture(folder: pathlib.Path, name: str, title: str) -> Picture:
    """Returns the figure `name.png` of the folder.

    Raises:
        InputError: there is no such file, or the file is no whole PNG.
    """
    file = f"{name}.png"
    if pathlib.PurePath(name).name != name:
        raise InputError(f"the figure {name!r} is not a file's name")
    try:
        content = (folder / file).read_bytes()
    except FileNotFoundError:
        raise InputError(f"there is no {file}") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        raise InputError(f"{file} cannot be read ({error})") from None
    try:
        image = Image.open(io.BytesIO(content), formats=["PNG"])
        image.load()
    except DAMAGES:
        raise InputError(f"{file} is not a whole PNG file") from None
    return Picture(name, title, *image.size, content)


def make_address(picture: Picture) -> str:
    """Returns the picture itself as an address: WebP, without loss, where it fits."""
    kind, content = "png", picture.content
    if max(picture.width, picture.height) <= LARGEST_WEBP:
        kind, smaller = "webp", io.BytesIO()
        # half the bytes of PNG; more effort saves little and takes twice as long
        Image.open(io.BytesIO(content)).save(
            smaller, kind, lossless=True, method=1, quality=0
        )
        content = smaller.getvalue()
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
