"""States in files: nested dicts and lists of arrays and numbers, as `.npz`, never pickled."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from .errors import ArgumentError, DataError
from .tensor import Tensor

_STRUCTURE = "tinygrad_lite.json"  # the nesting, with the names of arrays where they stand


def save(path: str | os.PathLike[str], state: Any) -> None:
    """Write a state to a file.

    Parameters
    ----------
    path : path
        Replaced in one go when all is written: a file there stays whole until then.
    state : nesting of dict (with str keys), list and tuple
        Of arrays, Tensors, numbers, strings and None. Tuples come back as lists.

    Raises
    ------
    ArgumentError
        If something in `state` is none of these.

    Notes
    -----
    An ordinary `.npz`: `numpy.load` finds each array under its path, `layers.0.weight`.

    Examples
    --------
    >>> import os, tempfile
    >>> import tinygrad_lite as tl
    >>> model = tl.nn.Linear(3, 2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     tl.save(os.path.join(folder, "model.npz"), {"model": model.state_dict(), "epoch": 3})
    ...     state = tl.load(os.path.join(folder, "model.npz"))
    >>> state["epoch"]
    3
    >>> model.load_state_dict(state["model"])
    """
    import json
    import zipfile

    arrays: dict[str, np.ndarray] = {}
    structure = json.dumps(_taken_apart(state, "", arrays))
    beside = Path(f"{os.fspath(path)}.{os.getpid()}.part")
    try:
        with zipfile.ZipFile(beside, "w") as file:
            file.writestr(_STRUCTURE, structure)
            for name, array in arrays.items():
                with file.open(f"{name}.npy", "w", force_zip64=True) as entry:
                    np.lib.format.write_array(entry, array, allow_pickle=False)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def load(path: str | os.PathLike[str]) -> Any:
    """Read what `save` wrote; arrays are NumPy's.

    Raises
    ------
    FileNotFoundError
    DataError
        If the file is corrupt, or wasn't written by `save`.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> import tinygrad_lite as tl
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "state.npz")
    ...     tl.save(path, [np.arange(3), "three"])
    ...     tl.load(path)
    [array([0, 1, 2]), 'three']
    """
    import json
    import zipfile

    try:
        with zipfile.ZipFile(path) as file:
            names = file.namelist()
            if _STRUCTURE not in names:
                raise DataError(
                    f"load: {os.fspath(path)} was not written by tinygrad_lite.save: it holds "
                    f"{', '.join(names[:5]) or 'nothing'}. Read it with numpy.load."
                )
            arrays = {}
            for name in names:
                if name != _STRUCTURE:
                    with file.open(name) as entry:
                        arrays[name.removesuffix(".npy")] = np.lib.format.read_array(
                            entry, allow_pickle=False
                        )
            return _put_together(json.loads(file.read(_STRUCTURE)), arrays)
    except FileNotFoundError:
        raise
    except DataError:
        raise
    except Exception as error:  # a damaged archive fails in many ways, all of them final
        raise DataError(
            f"load: {os.fspath(path)} can't be read: {error}. It is truncated, damaged, or not a "
            "file that tinygrad_lite.save wrote."
        ) from error


def _taken_apart(value: Any, path: str, arrays: dict[str, np.ndarray]) -> Any:
    """The nesting as JSON, arrays moved to `arrays` under their paths."""
    if isinstance(value, Tensor):
        value = value._data
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "fiubSU":
        name = path or "value"
        if "\0" in name or name.encode(errors="ignore").decode() != name:
            raise ArgumentError(f"save: the key {name!r} can't be a name in a file.")
        while name in arrays or name == _STRUCTURE:
            name += "_"
        arrays[name] = np.asarray(value)
        return {"array": name}
    prefix = f"{path}." if path else ""
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"dict": {k: _taken_apart(v, f"{prefix}{k}", arrays) for k, v in value.items()}}
    if isinstance(value, list | tuple):
        return {"list": [_taken_apart(v, f"{prefix}{i}", arrays) for i, v in enumerate(value)]}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    kind = f"{value.dtype} array" if isinstance(value, np.ndarray) else type(value).__name__
    raise ArgumentError(
        f"save: {path or 'the state'} is a {kind}, which can't be saved: only "
        "dicts with str keys, lists and tuples of arrays, Tensors, real numbers, strings and None."
    )


def _put_together(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "array":
        return arrays[content]
    if kind == "list":
        return [_put_together(v, arrays) for v in content]
    return {key: _put_together(v, arrays) for key, v in content.items()}
