"""Lookups: values of a vocabulary as whole numbers, and back."""

from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina._core import dtypes
from lamina._core.configurable import Check, Count, is_integer
from lamina._core.errors import describe, explain
from lamina._core.graph import has_tensor
from lamina._core.layer import Layer
from lamina.layers._checks import check_choice
from lamina.layers.preprocessing._category_encoding import VECTOR_MODES, encode, refuse_sparse
from lamina.layers.preprocessing._hashing import hash_bins, two_numbers

MODES = ("int", *VECTOR_MODES, "tf_idf")
_MOST_BINS = 10_000_000  # that a record may ask for
SECOND_NAMES = {"binary": "multi_hot", "tf-idf": "tf_idf"}
MaxTokens = Annotated[
    int, Check("an integer of 2 or more", lambda x: is_integer(x) and x > 1, "None sets no limit")
]


class Lookup(Layer):
    """Base of IntegerLookup and StringLookup: a vocabulary, and all ways to use it.

    The numbers are: 0 for the mask token, if there is one and the output is numbers; then
    num_oov_indices numbers for values that are not in the vocabulary; then the vocabulary's own.
    Subclasses say what a token is and how tokens are found.
    """

    _tokens_of: Callable[[Any, str], np.ndarray]  # values as tokens: int64, or objects (strings)
    _index: Callable[[], Any]  # what tokens are looked up in, made of `_tokens` once
    _positions: Callable[[Any], Any]  # where tokens are in the vocabulary; -1: they are not

    _unwalked = (*Layer._unwalked, "input_vocabulary", "_places", "_counts", "_documents")

    def __init__(
        self,
        *,
        max_tokens: MaxTokens | None,
        num_oov_indices: Count,
        mask_token: Any,
        oov_token: Any,
        vocabulary: Any,
        idf_weights: Any,
        invert: bool,
        output_mode: str,
        sparse: bool,
        pad_to_max_tokens: bool,
        oov_method: str = "floormod",
        salt: Any = None,
        vocabulary_size: Count | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.max_tokens = max_tokens
        self.num_oov_indices = num_oov_indices
        self.mask_token = mask_token
        self.oov_token = oov_token
        self.invert = invert
        self.output_mode = SECOND_NAMES.get(output_mode, output_mode)
        self.sparse = sparse
        self.pad_to_max_tokens = pad_to_max_tokens
        self.oov_method = oov_method
        self.salt = two_numbers(type(self).__name__, salt)
        self._check_options(vocabulary, idf_weights)
        self.input_vocabulary: list[Any] | None = None  # what the config tells
        self.input_idf_weights: list[float] | None = None
        self.idf_weights: np.ndarray | None = None  # (depth,)
        self._static = vocabulary is not None
        self._tokens: np.ndarray | None = None  # without the special ones
        self._frozen_size = vocabulary_size  # what layers after this one may rely on
        self.autocast = False  # short floats do not hold large numbers
        self.built = True
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)
        self.reset_state()

    def _check_options(self, vocabulary: Any, idf_weights: Any) -> None:
        where, mode = type(self).__name__, self.output_mode
        check_choice(where, "output_mode", mode, MODES)
        check_choice(where, "oov_method", self.oov_method, ("floormod", "farmhash"))
        refuse_sparse(where, self.sparse)
        wrong = [
            (self.pad_to_max_tokens and self.max_tokens is None,
             "`max_tokens` with pad_to_max_tokens=True", "max_tokens=None",
             "give the size of the vectors as max_tokens"),
            (self.invert and mode != "int",
             "output_mode='int' with invert=True", f"output_mode={mode!r}",
             "numbers go back to tokens, vectors do not"),
            (self.invert and self.oov_token is None,
             "an `oov_token` with invert=True", "oov_token=None",
             "it stands for numbers that have no token"),
            (idf_weights is not None and mode != "tf_idf",
             "`idf_weights` with output_mode='tf_idf' only", f"output_mode={mode!r}",
             "leave idf_weights out, or use output_mode='tf_idf'"),
            (mode == "tf_idf" and (vocabulary is None) != (idf_weights is None),
             "`vocabulary` and `idf_weights` together with output_mode='tf_idf'",
             f"vocabulary={describe(vocabulary)}, idf_weights={describe(idf_weights)}",
             "with neither, adapt(data) finds both"),
            (mode == "tf_idf" and not dtypes.is_float(self.dtype),
             "a float dtype with output_mode='tf_idf'", f"dtype={self.dtype!r}",
             "leave dtype out: weights are no whole numbers"),
        ]  # fmt: skip
        for is_wrong, expected, got, advice in wrong:
            if is_wrong:
                raise ValueError(explain(where, f"expected {expected}", got, advice))

    # --- the vocabulary -------------------------------------------------------------------------

    @property
    def _oov_start(self) -> int:
        return int(self.mask_token is not None and self.output_mode == "int")

    @property
    def _start(self) -> int:
        """The number of the first token that is not special."""
        return self._oov_start + self.num_oov_indices

    def vocabulary_size(self) -> int:
        """Return how many numbers there are, those of mask and unknown values included."""
        return self._start + (0 if self._tokens is None else len(self._tokens))

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """Return the vocabulary as a list: the token of number i at place i.

        Args:
            include_special_tokens: whether mask and unknown tokens are in it; without them, place
                0 has the first token of the data.
        """
        own = [] if self._tokens is None else self._tokens.tolist()
        return self._special() + own if include_special_tokens else own

    def _special(self) -> list[Any]:
        return [self.mask_token] * self._oov_start + [self.oov_token] * self.num_oov_indices

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Set the vocabulary, instead of `adapt`.

        Args:
            vocabulary: the tokens, with the special ones before them or without any of those; or
                the path of a text file with a token on each line, without special ones.
            idf_weights: with output_mode='tf_idf', a weight for each token given. Unless special
                tokens are given, unknown values get the mean.

        Raises:
            ValueError: no tokens, a token twice, a special one among the others, more than
                max_tokens, weights that are too few, or another size than layers after this one
                were made for. The layer is as it was then.
        """
        where = f"{self.name}.set_vocabulary"
        from_file = isinstance(vocabulary, (str, Path))
        weighted = self.output_mode == "tf_idf"
        if (idf_weights is not None) != weighted or (from_file and weighted):
            raise ValueError(
                explain(
                    where,
                    "expected `idf_weights` with output_mode='tf_idf', and only with it, and tokens"
                    " that do not come from a file",
                    f"output_mode={self.output_mode!r}, idf_weights={describe(idf_weights)}",
                    "give a weight for each token",
                )
            )
        given = self._parsed(_lines(Path(vocabulary), where), where) if from_file else vocabulary
        tokens = self._tokens_of(given, where)
        if tokens.ndim != 1 or not tokens.size:
            raise ValueError(
                explain(
                    where,
                    "expected a list of one or more tokens",
                    f"tokens of shape {tokens.shape}",
                    "adapt(data) finds a vocabulary in data",
                )
            )
        special, start = self._special(), self._start
        led = not from_file and tokens[:start].tolist() == special
        own = tokens[start:] if led else tokens
        self._check_vocabulary(where, own, reserved=not from_file)
        weights = None if idf_weights is None else self._idf_of(where, idf_weights, tokens, led)
        self._set_tokens(where, own, weights)
        if self._static:
            self.input_vocabulary = None if from_file else tokens.tolist()
            self.input_idf_weights = None if weights is None else np.asarray(idf_weights).tolist()

    def _check_vocabulary(self, where: str, tokens: np.ndarray, reserved: bool) -> None:
        counts = Counter(tokens.tolist())
        twice = [t for t, n in counts.items() if n > 1]
        if twice:
            raise ValueError(
                explain(
                    where,
                    "expected every token once",
                    f"these more often: {describe(twice[:10])}",
                    "list(dict.fromkeys(tokens)) keeps the first of each",
                )
            )
        # An unknown value's token means something only when numbers go back to tokens.
        for name in ("mask_token", "oov_token") if self.invert else ("mask_token",):
            token = getattr(self, name)
            if reserved and token is not None and token in counts:
                raise ValueError(
                    explain(
                        where,
                        f"expected the reserved {name}, {token!r}, at the start only",
                        f"it at place {tokens.tolist().index(token)} of the other tokens",
                        f"leave special tokens out, or begin with {self._special()}",
                    )
                )
        size = self._start + len(tokens)
        if self.max_tokens is not None and size > self.max_tokens:
            raise ValueError(
                explain(
                    where,
                    f"expected at most max_tokens={self.max_tokens} tokens, special ones included",
                    f"{size}",
                    "give fewer tokens, or make the layer with a larger max_tokens",
                )
            )

    def _idf_of(self, where: str, given: Any, tokens: np.ndarray, led: bool) -> np.ndarray:
        """Return a weight for every number of the output."""
        weights = _floats(given)
        if weights.shape != tokens.shape:
            raise ValueError(
                explain(
                    where,
                    f"expected {len(tokens)} `idf_weights`, one for each token",
                    describe(weights),
                    "adapt(data) finds tokens and weights",
                )
            )
        return weights if led else self._padded(weights)

    def _padded(self, weights: np.ndarray) -> np.ndarray:
        """Return the weights behind their mean, which is that of unknown values."""
        mean = weights.mean() if weights.size else 0.0
        return np.concatenate([np.full(self._start, mean, weights.dtype), weights])

    def _set_tokens(self, where: str, tokens: np.ndarray, weights: np.ndarray | None) -> None:
        size = self._start + len(tokens)
        if self._fixes_size() and self._frozen_size not in (None, size):
            raise ValueError(
                explain(
                    where,
                    f"expected a vocabulary of {self._frozen_size} tokens, special ones included, "
                    "as when the layer was first called",
                    f"{size}",
                    "make a new layer, or use pad_to_max_tokens=True",
                )
            )
        self._tokens = tokens
        self._places = self._index()
        if weights is not None:
            self.idf_weights = np.pad(weights, (0, max(0, self._depth() - len(weights))))
        self._outdate()

    def _parsed(self, lines: list[str], where: str) -> list[Any]:
        """Return the tokens that lines of a file stand for."""
        return lines

    # --- finding a vocabulary -------------------------------------------------------------------

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Find the vocabulary: the values in the data, the most frequent first.

        Of equally frequent ones, the last in order comes first. With output_mode='tf_idf', the
        weight of a token is log(1 + samples / (1 + samples that have it)). Compiled programs keep
        the vocabulary that they were compiled with: adapt first, then compile.

        Args:
            data: an array or a list of samples, or an iterable of batches.
            steps: of an iterable, how many batches to look at (default: all).

        Raises:
            ValueError: no data, data of another kind, or a layer that was given its vocabulary.
        """
        where = f"{self.name}.adapt"
        self._refuse_static(where)
        self.reset_state()
        whole = isinstance(data, (list, tuple)) or hasattr(data, "shape")
        if whole:
            tokens = self._tokens_of(data, where)
            self._count(tokens[:, None] if tokens.ndim == 1 else tokens)
        elif hasattr(data, "__iter__"):
            for batch in islice(data, steps):
                self._count(self._tokens_of(batch, where))
        if not self._counts:
            raise ValueError(
                explain(
                    where,
                    "expected an array, a list, or an iterable of batches, with values in it",
                    describe(data),
                    "give at least one value",
                )
            )
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the values of a batch, (N, ...), or of one sample, (S,)."""
        where = f"{self.name}.update_state"
        self._refuse_static(where)
        self._count(self._tokens_of(data, where))

    def _refuse_static(self, where: str) -> None:
        if self._static:
            raise ValueError(
                explain(
                    where,
                    "expected a layer that was made without a vocabulary",
                    "one that was given `vocabulary`",
                    "leave vocabulary out to find it in data",
                )
            )

    def _count(self, tokens: np.ndarray) -> None:
        rows = tokens.reshape(1, -1) if tokens.ndim < 2 else tokens
        self._counts.update(_tally(rows))
        if self.output_mode == "tf_idf":
            self._num_documents += len(rows)
            for row in rows:
                self._documents.update(_tally(row).keys())

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted; without any, nothing changes."""
        if self._static or not self._counts:
            return
        for special in (self.mask_token, self.oov_token):
            self._counts.pop(special, None)
        ordered = sorted(self._counts, key=lambda t: (self._counts[t], t), reverse=True)
        if self.max_tokens is not None:
            ordered = ordered[: max(0, self.max_tokens - self._start)]
        where, weights = f"{self.name}.finalize_state", None
        if self.output_mode == "tf_idf":
            containing = np.array([self._documents[t] for t in ordered], "float64")
            weights = np.log1p(self._num_documents / (1 + containing)).astype("float32")
            weights = self._padded(weights)
        self._set_tokens(where, self._tokens_of(ordered, where), weights)
        self.reset_state()

    def reset_state(self) -> None:
        """Forget what was counted; the vocabulary stays."""
        self._counts: Counter = Counter()
        self._documents: Counter = Counter()
        self._num_documents = 0

    # --- calling --------------------------------------------------------------------------------

    def __call__(self, inputs: Any, **kwargs: Any) -> Any:
        if has_tensor(inputs) or isinstance(inputs, jax.core.Tracer):
            return super().__call__(inputs, **kwargs)
        self._require_vocabulary()
        if self.invert:
            return self._inverted(whole_numbers(inputs, self._where()))
        return self._encoded(jnp.asarray(self._numbers(self._tokens_of(inputs, self._where()))))

    def _fixes_size(self) -> bool:
        """Whether the vocabulary's size is that of the output."""
        return self.output_mode != "int" and not self.pad_to_max_tokens

    def _depth(self) -> int:
        if self.pad_to_max_tokens and self.max_tokens is not None:
            return self.max_tokens
        return self.vocabulary_size()

    def _require_vocabulary(self) -> None:
        unweighted = self.output_mode == "tf_idf" and self.idf_weights is None
        if self._tokens is None or unweighted:
            raise ValueError(
                explain(
                    self._where(),
                    "expected a vocabulary" + " with weights" * (self.output_mode == "tf_idf"),
                    "a layer that has none yet",
                    "call adapt(data) or set_vocabulary(tokens) first, or pass vocabulary=",
                )
            )
        if self._fixes_size():
            self._frozen_size = self.vocabulary_size()

    def _numbers(self, tokens: np.ndarray) -> np.ndarray:
        """Return the numbers of an array of tokens, on the host; -1 for what is dropped."""
        numbers = self._with_unknown(np, tokens, self._positions(tokens))
        if self.num_oov_indices == 0 and (unknown := numbers == self.vocabulary_size()).any():
            raise ValueError(
                explain(
                    self._where(),
                    "expected values of the vocabulary, as num_oov_indices=0",
                    f"others: {describe(tokens[unknown][:10].tolist())}",
                    "num_oov_indices=1 gives them a number",
                )
            )
        return numbers.astype("int32")

    def _with_unknown(self, xp: Any, tokens: Any, positions: Any) -> Any:
        """Return numbers for positions in the vocabulary: also where a token is not in it."""
        unknown: Any = self._oov_start
        if self.num_oov_indices == 0:
            unknown = self.vocabulary_size()  # behind the last one
        elif self.num_oov_indices > 1:
            unknown = self._oov_start + self._bucket(xp, tokens)
        numbers = xp.where(positions < 0, unknown, positions + self._start)
        if self.mask_token is None:
            return numbers
        return xp.where(tokens == self.mask_token, 0 if self.output_mode == "int" else -1, numbers)

    def _bucket(self, xp: Any, tokens: Any) -> Any:
        """Return which of the numbers of unknown values a token gets."""
        return self._hashed(tokens)

    def _hashed(self, tokens: Any) -> np.ndarray:
        return hash_bins(np.asarray(tokens), self.num_oov_indices, self.salt)

    def _encoded(self, numbers: Any) -> Any:
        if self.output_mode != "tf_idf":
            dtype = "int32" if self.output_mode == "int" else self.dtype
            return encode(numbers, self.output_mode, self._depth(), dtype)
        counts = encode(numbers, "count", self._depth(), self.dtype)
        return counts * jnp.asarray(self.idf_weights, self.dtype)  # (N, D) * (D,)

    def _inverted(self, numbers: np.ndarray) -> Any:
        """Return the tokens of numbers: of strings as an array of numpy's."""
        last = self.vocabulary_size()
        tokens = np.array([*self.get_vocabulary(), self.oov_token], self._tokens_of([], "").dtype)
        return np.asarray(tokens[np.where((numbers >= 0) & (numbers < last), numbers, last)])

    # --- configs and files ----------------------------------------------------------------------

    def _argument(self, name: str) -> Any:
        if name == "vocabulary_size":
            return self._frozen_size if self._tokens is None else self.vocabulary_size()
        if name in ("vocabulary", "idf_weights"):
            return getattr(self, f"input_{name}")
        return super()._argument(name)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Lookup":
        if isinstance(config.get("vocabulary"), str):  # a record must not choose files to read
            raise ValueError(
                explain(
                    f"{cls.__name__}.from_config",
                    "expected a list of tokens or None as 'vocabulary'",
                    describe(config["vocabulary"]),
                    "files are read only by the constructor and set_vocabulary(path)",
                )
            )
        bins = config.get("num_oov_indices")
        if isinstance(bins, int) and bins > _MOST_BINS:  # a place in a list for each
            raise ValueError(
                explain(
                    f"{cls.__name__}.from_config",
                    f"expected at most {_MOST_BINS} as 'num_oov_indices'",
                    f"{bins}",
                    "the constructor takes more",
                )
            )
        return super().from_config(config)

    def save_own_variables(self, store: Any) -> None:
        """Put the weights of 'tf_idf' into `store`; tokens are in the config or `save_assets`."""
        if self.output_mode == "tf_idf" and self.idf_weights is not None:
            store["idf_weights"] = self.idf_weights

    def load_own_variables(self, store: Any) -> None:
        """Take the weights of 'tf_idf' from `store`."""
        if self.output_mode != "tf_idf" or "idf_weights" not in store:
            return
        weights = _floats(store["idf_weights"])
        if self._tokens is not None and weights.shape != (self._depth(),):
            raise ValueError(
                explain(
                    self._where(),
                    f"expected `idf_weights` of shape {(self._depth(),)}",
                    describe(weights),
                    "load them into a layer with the same vocabulary",
                )
            )
        self.idf_weights = weights

    def save_assets(self, dir_path: Any) -> None:
        """Write 'vocabulary.txt' into a folder: a token on each line, special ones first.

        A vocabulary that the config tells is not written.
        """
        if self.input_vocabulary is not None:
            return
        lines = [str(token) for token in self.get_vocabulary()]
        broken = [line for line in lines if "\n" in line or "\r" in line]
        if broken:
            raise ValueError(
                explain(
                    f"{self.name}.save_assets",
                    "expected tokens without line breaks, as the file has one a line",
                    describe(broken[0]),
                    "give them as vocabulary= to the constructor: the config holds any",
                )
            )
        (_folder(dir_path) / "vocabulary.txt").write_bytes("\n".join(lines).encode("utf-8"))

    def load_assets(self, dir_path: Any) -> None:
        """Take the vocabulary from a folder, as `save_assets` left it there."""
        if self.input_vocabulary is not None:
            return
        where = f"{self.name}.load_assets"
        lines = _lines(_folder(dir_path) / "vocabulary.txt", where)
        special, start = [str(token) for token in self._special()], self._start
        tokens = self._tokens_of(self._parsed(lines[start:], where), where)
        weights = self.idf_weights
        depth = self.max_tokens if self.pad_to_max_tokens else len(lines)
        if lines[:start] != special or (weights is not None and len(weights) != depth):
            raise ValueError(
                explain(
                    where,
                    f"expected a vocabulary that begins with {special}"
                    + ("" if weights is None else f", for {len(weights)} weights"),
                    f"{len(lines)} tokens that begin with {lines[:start]}",
                    "load it into a layer with the config of the one that was saved",
                )
            )
        self._set_tokens(where, tokens, None)


def _folder(place: Any) -> Any:
    """Return a folder by its path; one that saving keeps in memory as it is."""
    return place if hasattr(place, "joinpath") else Path(place)


def _lines(path: Any, where: str) -> list[str]:
    """Return the lines of a file; empty ones at the end are none."""
    if not path.is_file():
        raise ValueError(
            explain(where, "expected the path of a text file", f"{str(path)!r}",
                    "give a list of tokens, or a file with a token on each line")
        )  # fmt: skip
    lines = [line.removesuffix("\r") for line in path.read_bytes().decode("utf-8").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def as_array(values: Any, where: str) -> np.ndarray:
    """Return an array of what may be lists; a ValueError if they are of different lengths."""
    try:
        return np.asarray(values)
    except (TypeError, ValueError):  # rows of different lengths
        raise ValueError(
            explain(where, "expected an array, or lists of one length", describe(values),
                    "fill the shorter ones up with a mask token")
        ) from None  # fmt: skip


def whole_numbers(values: Any, where: str) -> np.ndarray:
    """Return numbers as int64, fractions cut off."""
    array = as_array(values, where)
    if array.dtype == object and array.size and all(map(is_integer, array.flat)):
        array = array.astype("int64")
    if array.dtype.kind not in "biuf":
        raise ValueError(
            explain(where, "expected whole numbers", describe(values),
                    "StringLookup takes strings")
        )  # fmt: skip
    return array.astype("int64")


def _floats(values: Any) -> np.ndarray:
    try:
        return np.asarray(values, "float32")
    except (ValueError, TypeError) as error:
        expected = "expected numbers as `idf_weights`"
        raise ValueError(explain("lookup", expected, describe(values))) from error


def _tally(tokens: np.ndarray) -> Counter:
    """Return how often each token is in an array."""
    return Counter(tokens.ravel().tolist())
