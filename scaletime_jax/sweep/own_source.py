"""The source of a user's own network: its file, its function, and a digest of both.

Changed code is another run, so the digest is a field of the run's config.
"""

import functools
import hashlib
import importlib.util
import inspect
import pathlib
import re
import sys
import sysconfig
import types
from collections.abc import Callable, Iterator
from typing import Any

from scaletime_jax.errors import InputError

FORM = "NAME=FILE.py:FUNCTION"
DIGITS = 12  # of a digest
INSTALLED = tuple(
    pathlib.Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib")
)
# The nearest part of the user's own text is named, not the library that it called.
PACKAGE = pathlib.Path(__file__).resolve().parents[1]


def load_function(path: pathlib.Path, name: str, given: str) -> Callable[..., Any]:
    """Imports a file of Python, and returns its function.

    The file's folder is searched for modules after all others.

    Args:
        path: of the file.
        name: of the function, or of a class.
        given: what the user wrote, for messages.

    Raises:
        InputError: there is no such file or function, or the import fails.
    """
    if not path.is_file():
        raise InputError(
            f"there is no file {str(path)!r}; give a network of your own as {FORM}.",
            architecture=given,
        )
    path = path.resolve()
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    unique = hashlib.sha256(f"{path}".encode() + path.read_bytes()).hexdigest()
    title = f"{path.stem}_{unique[:DIGITS]}"
    if title not in sys.modules:
        _import(path, title)
    found = getattr(sys.modules[title], name, None)
    if not callable(found):
        defined = [
            key
            for key, value in vars(sys.modules[title]).items()
            if callable(value) and getattr(value, "__module__", None) == title
        ]
        raise InputError(
            f"{path.name} has no function {name!r}; it has "
            f"{', '.join(defined) or 'none'}.",
            architecture=given,
        )
    function: Callable[..., Any] = found
    return function


def _import(path: pathlib.Path, title: str) -> None:
    spec = importlib.util.spec_from_file_location(title, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path.name} is no file of Python; give {FORM}.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[title] = module  # classes look for their module there
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[title]
        raise InputError(
            f"{path.name} cannot be imported: {describe_error(error)}."
        ) from None


def describe_error(error: BaseException) -> str:
    """Returns an error and its line in the user's code, in words."""
    first, *_ = [*filter(None, map(str.strip, str(error).splitlines())), "no message"]
    words = f"{type(error).__name__}: {first.rstrip('.')}"
    if isinstance(error, SyntaxError) and error.filename:
        name = pathlib.Path(error.filename).name
        return f"{name}, line {error.lineno}: {type(error).__name__}: {error.msg}"
    place = ""
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not _is_foreign(file):
            place = f"{pathlib.Path(file).name}, line {trace.tb_lineno}: "
        trace = trace.tb_next
    return place + words


def _is_foreign(file: str) -> bool:
    """Whether a file is of Python, of an installed package or of this package."""
    if file.startswith("<frozen"):
        return True
    path = pathlib.Path(file).resolve()
    return any(path.is_relative_to(each) for each in (*INSTALLED, PACKAGE))


def place_of(function: Callable[..., Any]) -> str:
    """Returns the file and line of a function, as far as they are known."""
    try:
        file = pathlib.Path(inspect.getfile(inspect.unwrap(function))).name
        line = inspect.getsourcelines(function)[1]
    except (OSError, TypeError):
        return getattr(function, "__qualname__", repr(function))
    return f"{file}, line {line}"


def digest(*functions: Callable[..., Any]) -> str:
    """Returns a digest of the code of functions, and of the code that they use.

    A function of a file has the digest of the file, and of the files beside it or below
    its folder that it imports. A function of a notebook or of the script that runs has
    that of its own text, and of the functions, classes and values that it names.
    Where the text is not known, as at a prompt, its compiled code stands for it.
    Installed packages are left out.
    """
    found: dict[str, None] = {}  # in order
    seen: dict[int, Any] = {}
    for function in functions:
        found[getattr(function, "__qualname__", "")] = None
        _gather(function, found, seen)
    return hashlib.sha256("\0".join(found).encode()).hexdigest()[:DIGITS]


def _gather(value: Any, found: dict[str, None], seen: dict[int, Any]) -> None:
    """Adds the texts on which a value depends."""
    if id(value) in seen:
        return
    seen[id(value)] = value
    if isinstance(value, functools.partial):
        for each in (value.func, value.args, value.keywords):
            _gather(each, found, seen)
        return
    if isinstance(value, types.ModuleType):
        if (file := _file_of(value)) is not None:
            _gather_file(value, file, found, seen)
        return
    if not isinstance(value, type | types.FunctionType):
        found[re.sub(r" at 0x[0-9a-f]+", "", repr(value))] = None
        for each in value if isinstance(value, tuple | list) else ():
            _gather(each, found, seen)
        _gather(type(value), found, seen)
        return
    value = inspect.unwrap(value)
    home = sys.modules.get(value.__module__)
    file = None if home is None else _file_of(home)
    interactive = value.__module__ == "__main__"
    if home is not None and file is not None and not interactive:
        _gather_file(home, file, found, seen)
    if isinstance(value, type):
        if interactive:
            _gather_class(value, found, seen)
        return
    if interactive:
        found[_text(value)] = None
        for name in _names(value.__code__):
            if name in value.__globals__:
                _gather(value.__globals__[name], found, seen)
    for cell in value.__closure__ or ():
        _gather(cell.cell_contents, found, seen)


def _gather_file(
    module: types.ModuleType,
    file: pathlib.Path,
    found: dict[str, None],
    seen: dict[int, Any],
) -> None:
    """Adds the text of a module's file, and of those below its folder that it uses."""
    text = file.read_text()
    if text in found:
        return
    found[text] = None
    for value in list(vars(module).values()):
        name = value if isinstance(value, types.ModuleType) else None
        title = getattr(value, "__module__", None)
        if name is None and isinstance(title, str):
            name = sys.modules.get(title)
        other = None if name is None else _file_of(name)
        if name and other and other.is_relative_to(file.parent):
            _gather_file(name, other, found, seen)


def _gather_class(cls: type, found: dict[str, None], seen: dict[int, Any]) -> None:
    """Adds the methods, values and bases of a class of a notebook."""
    for name, member in vars(cls).items():
        if isinstance(member, types.FunctionType):
            # a method that a library wrote has no text of its own
            code = inspect.unwrap(member).__code__
            if not (code.co_filename == "<string>" or _is_foreign(code.co_filename)):
                _gather(member, found, seen)
        elif isinstance(member, bool | int | float | str) and name != "__doc__":
            found[f"{name}={member!r}"] = None
    for base in cls.__bases__:
        _gather(base, found, seen)


def _text(function: types.FunctionType) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):  # typed at a prompt
        return _bytecode(function.__code__)


def _bytecode(code: types.CodeType) -> str:
    """Returns the instructions and constants of code, the same in one Python alone."""
    constants = [
        _bytecode(each) if isinstance(each, types.CodeType) else repr(each)
        for each in code.co_consts
    ]
    return " ".join([code.co_code.hex(), *constants, *code.co_names])


def _names(code: types.CodeType) -> Iterator[str]:
    """Yields the names that code and the functions in it use."""
    yield from code.co_names
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            yield from _names(each)


def _file_of(module: types.ModuleType) -> pathlib.Path | None:
    """Returns the file of a module that is neither installed nor of this package."""
    file = getattr(module, "__file__", None)
    if file is None or _is_foreign(file) or not file.endswith(".py"):
        return None
    return pathlib.Path(file).resolve()
