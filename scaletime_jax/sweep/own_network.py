"""A user's own network: a function of width and outputs, named in the run table."""

import inspect
import math
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jaxtyping import Array, Num

from scaletime_jax.errors import InputError
from scaletime_jax.models.network import Network, Variables, as_network
from scaletime_jax.sweep.own_source import (
    FORM,
    describe_error,
    digest,
    load_function,
    place_of,
)
from scaletime_jax.sweep.probe import are_tokens, probe

OWN = "own"  # the initialisation of a network that has its own
NO_SOURCE = "none"  # the source of our networks


class OwnNetwork(str):
    """The name of a user's own network, with the function that makes the network.

    As text it is the name alone, so that tables of its runs are read without it.

    Attributes:
        function: (width, num_outputs) -> a Flax module or a Network.
        source: digest of the function's code.
    """

    function: Callable[..., Any]
    source: str

    def network(self, width: int, num_outputs: int) -> Network:
        """Returns the network of a width, the same object for the same arguments.

        Raises:
            InputError: the function fails, or returns something else.
        """
        known: dict[tuple[int, int], Network] = self.__dict__.setdefault("known", {})
        if (width, num_outputs) not in known:
            try:
                made = self.function(width, num_outputs)
            except Exception as error:
                raise self._refusal(f"fails at width {width}", error) from None
            network = as_network(made)
            if network is None:
                raise InputError(
                    f"{place_of(self.function)}: the network {self!s} is a "
                    f"{type(made).__name__}; return a module of flax.linen, or a "
                    "Network(init, apply) of scaletime_jax.models.network."
                )
            known[width, num_outputs] = network
        return known[width, num_outputs]

    def count_params(
        self, width: int, num_outputs: int, inputs: Num[Array, "two *shape"]
    ) -> int:
        """Returns the number of parameters, after a look at the shapes.

        Args:
            width: a width.
            num_outputs: number of classes, or of tokens.
            inputs: as the network takes them; whole numbers are tokens.

        Raises:
            InputError: the network fails, or its outputs are not [batch, num_outputs],
                [batch, length, num_outputs] for tokens.
        """
        network = self.network(width, num_outputs)

        def run(key: Array, inputs: Array) -> tuple[Any, Array, Array]:
            variables = network.init(key, inputs)
            self._require("init", variables, Variables, "Variables(params, state)")
            both = [network.apply(variables, inputs, train) for train in (False, True)]
            for each in both:
                self._require("apply", each, tuple, "(outputs, variables)")
            (evaluated, _), (trained, _) = both
            return variables.params, evaluated, trained

        try:
            params, *both = jax.eval_shape(run, jax.random.key(0), inputs)
        except Exception as error:
            kind = "tokens" if are_tokens(inputs) else "examples"
            words = f"fails at width {width} on {kind} of shape {inputs.shape[1:]}"
            raise self._refusal(words, error) from None
        batch, words = inputs.shape[:1], "[batch, num_outputs]"
        if are_tokens(inputs):
            batch, words = inputs.shape, "[batch, length, num_outputs]"
        shape = (*batch, num_outputs)
        for outputs in both:
            if outputs.shape != shape:
                raise InputError(
                    f"{place_of(self.function)}: the outputs of {self!s} have shape "
                    f"{outputs.shape} for inputs of shape {inputs.shape}; the shape "
                    f"must be {words}, here {shape}."
                )
        return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params))

    def mixes_examples(
        self, width: int, num_outputs: int, inputs: Num[Array, "two *shape"]
    ) -> bool:
        """Whether an output in training depends on the other examples of the batch.

        A network of which a real number of the state changes in training, as running
        statistics do, counts as one. The answer of the first width asked for stands for
        all.

        Args:
            width: a width, the smallest for speed.
            num_outputs: number of outputs.
            inputs: two different examples.

        Raises:
            InputError: the first outputs are not finite, an output in evaluation
                depends on the other examples, or an output depends on later tokens,
                which are what is to be predicted.
        """
        known: dict[Any, bool] = self.__dict__.setdefault("mixing", {})
        key = num_outputs, inputs.shape[1:], inputs.dtype
        if key not in known:
            network = self.network(width, num_outputs)
            found = probe(network, inputs)
            where = f"{place_of(self.function)}: the outputs of {self!s}"
            if not found.finite:
                raise InputError(
                    f"{where} at width {width} are not finite at the initialisation; "
                    "choose a smaller initialisation."
                )
            if found.mixed_evaluation:
                raise InputError(
                    f"{where} depend on the other examples of the batch in evaluation "
                    "(train=False); use running statistics there."
                )
            if found.ahead:
                raise InputError(
                    f"{where} depend on later tokens, which are to be predicted; let "
                    "each position see the tokens up to its own alone."
                )
            known[key] = found.mixed or found.changes
        return known[key]

    def _require(self, function: str, made: object, kind: type, words: str) -> None:
        """Raises InputError unless a function of the Network returns the right kind."""
        if not isinstance(made, kind):
            raise InputError(
                f"{place_of(self.function)}: {function} of the network {self!s} "
                f"returns a {type(made).__name__}; return {words}."
            )

    def _refusal(self, words: str, error: Exception) -> InputError:
        if isinstance(error, InputError):
            return error
        place = place_of(self.function)
        return InputError(
            f"{place}: the network {self!s} {words} ({describe_error(error)})."
        )


def own_network(name: str, function: Callable[..., Any] | Network) -> OwnNetwork:
    """Returns a network of your own as an architecture of a sweep, under a name.

        >>> from flax import linen as nn
        >>> from scaletime_jax import own_network
        >>> def linear(width, num_outputs):
        ...     layers = [lambda x: x.reshape(len(x), -1), nn.Dense(width)]
        ...     return nn.Sequential([*layers, nn.Dense(num_outputs)])
        >>> own_network("linear", linear)
        'linear'

    Runs are told apart by the digest of the function's code: runs of changed code are
    other runs. The digest of a function in a file contains the whole file and the files
    beside it that it imports. The digest of a function in a notebook contains the
    function, and the functions, classes and values that it names.

    Args:
        name: name in tables and figures, none of ours.
        function: (width, num_outputs) -> a module of flax.linen or a Network; or one
            Network, of a single width.

    Raises:
        InputError: the name cannot be taken, or the function has other arguments.
    """
    _check_name(name, ())
    if isinstance(function, Network):
        network = function
        made = OwnNetwork(name)
        made.function = lambda width, num_outputs: network
        made.source = digest(network.init, network.apply)
        return made
    if not callable(function):
        raise InputError(
            f"the network {name} is a {type(function).__name__}; give a function "
            "(width, num_outputs) that returns a Flax module or a Network."
        )
    try:
        inspect.signature(function).bind(1, 10)
    except TypeError as error:
        called = getattr(function, "__qualname__", name)
        arguments = inspect.signature(function)
        raise InputError(
            f"{place_of(function)}: {called}{arguments} cannot be called as "
            f"{called}(width, num_outputs): {error}."
        ) from None
    made = OwnNetwork(name)
    made.function, made.source = function, digest(function)
    return made


def read_own(given: Any, ours: Sequence[str]) -> str:
    """Returns an architecture as a grid takes it: a name of ours, or a user's network.

    Args:
        given: a name, NAME=FILE.py:FUNCTION, a function or an OwnNetwork.
        ours: the names of our networks.

    Raises:
        InputError: a user's network cannot be used.
    """
    found: str
    if isinstance(given, OwnNetwork):
        found = given
    elif isinstance(given, str):
        name, equals, place = given.partition("=")
        if not equals:
            return given
        file, colon, function = place.rpartition(":")
        if not (colon and file and function.isidentifier()):
            raise InputError(
                f"{given!r} is no network; write {FORM}.", architecture=given
            )
        _check_name(name, ours)
        found = own_network(name, load_function(pathlib.Path(file), function, given))
    elif isinstance(given, Network):
        raise InputError(
            "a Network needs a name; give own_network(name, network) as the "
            "architecture."
        )
    else:
        name = getattr(given, "__name__", type(given).__name__)
        if not name.isidentifier():
            raise InputError(
                f"{name} is no name; give own_network(name, function) as the "
                "architecture."
            )
        found = own_network(name, given)
    _check_name(found, ours)
    return found


def _check_name(name: str, ours: Sequence[str]) -> None:
    if not (isinstance(name, str) and name.isidentifier() and name.isascii()):
        raise InputError(
            f"a network cannot be called {name!r}; choose letters, digits and "
            "underscores."
        )
    if name in ours:
        raise InputError(
            f"{name!r} is the name of a network of ours ({', '.join(ours)}); choose "
            "another name for your own."
        )
