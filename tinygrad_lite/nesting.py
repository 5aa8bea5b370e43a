"""Arrays however they are nested: in tuples, lists, dicts and modules.

A *leaf* is what can be differentiated by: a floating Tensor or array, a Python float, a Parameter
of a module that isn't frozen. Everything else keeps its place in the nesting, and is no leaf.
"""

import copy
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from .errors import ArgumentError, brief
from .nn.module import Module
from .tensor import Tensor


def leaves(nest: Any, path: str = "", *, frozen: bool = False) -> Iterator[tuple[str, Any]]:
    """The leaves in order, each with its path, such as `[0]['w'].layers.1.weight`.

    With `frozen`, Parameters that are frozen count, too: those of a result, not of an argument.
    """
    if isinstance(nest, Module):
        for name, parameter in nest.named_parameters():
            if frozen or parameter.requires_grad:
                yield f"{path}.{name}", parameter
    elif isinstance(nest, dict):
        for key, part in nest.items():
            yield from leaves(part, f"{path}[{key!r}]", frozen=frozen)
    elif isinstance(nest, list | tuple):
        for i, part in enumerate(nest):
            yield from leaves(part, f"{path}[{i}]", frozen=frozen)
    elif is_leaf(nest):
        yield path, nest


def is_leaf(x: Any) -> bool:
    if isinstance(x, Tensor | np.ndarray | np.generic):
        return x.dtype.kind == "f"
    return isinstance(x, float)


def rebuilt(nest: Any, values: Iterable[Any], *, keep: bool, frozen: bool = False) -> Any:
    """The same nesting with other leaves, in order; what is no leaf is kept, or becomes None."""
    values = iter(values)

    def build(part: Any) -> Any:
        if isinstance(part, Module):
            others: dict[int, Any] = {} if keep else {id(b): None for _, b in part.named_buffers()}
            for parameter in part.parameters():
                others[id(parameter)] = parameter if keep else None
                if frozen or parameter.requires_grad:
                    others[id(parameter)] = value = next(values)
                    if isinstance(value, Tensor):  # a new one, which nobody else has
                        value.__class__ = type(parameter)  # so that the module finds it
            return _exchanged(part, others)
        if isinstance(part, dict):
            return _like(part, {key: build(value) for key, value in part.items()})
        if isinstance(part, list | tuple):
            return _like(part, [build(value) for value in part])
        return next(values) if is_leaf(part) else part if keep else None

    return build(nest)


def _exchanged(part: Any, others: dict[int, Any]) -> Any:
    """A module with others in the place of some Tensors, given by identity; all else is shared."""
    if id(part) in others:
        return others[id(part)]
    if isinstance(part, Module):
        others[id(part)] = new = copy.copy(part)  # before its parts: they may hold it, too
        vars(new).update({key: _exchanged(value, others) for key, value in vars(part).items()})
        return new
    if isinstance(part, dict):
        parts = {key: _exchanged(value, others) for key, value in part.items()}
        return part if all(parts[key] is part[key] for key in part) else _like(part, parts)
    if isinstance(part, list | tuple):
        found = [_exchanged(value, others) for value in part]
        same = all(new is old for new, old in zip(found, part, strict=True))
        return part if same else _like(part, found)
    return part


def mapped(nest: Any, function: Callable[[Any, str], Any], path: str) -> Any:
    """The same nesting of tuples, lists and dicts, `function(part, path)` in place of each part."""
    if isinstance(nest, dict):
        return _like(nest, {k: mapped(x, function, f"{path}[{k!r}]") for k, x in nest.items()})
    if isinstance(nest, list | tuple):
        return _like(nest, [mapped(x, function, f"{path}[{i}]") for i, x in enumerate(nest)])
    return function(nest, path)


def _like(container: Any, parts: Any) -> Any:
    """A dict, list or tuple of the same type with other parts."""
    if isinstance(container, dict):
        new = copy.copy(container)
        new.update(parts)
        return new
    return type(container)(*parts) if hasattr(container, "_fields") else type(container)(parts)


def alike(name: str, nest: Any, other: Any, path: str) -> list[Any]:
    """What `other` has in the places of the leaves of `nest`; it must be nested alike.

    Raises
    ------
    ArgumentError
        With the path of the first place where the two differ.
    """
    if isinstance(nest, Module) and isinstance(other, Module):
        found = dict(other.named_parameters())
        wanted = [key for key, parameter in nest.named_parameters() if parameter.requires_grad]
        if wanted and not set(wanted) - set(found):
            return [found[key] for key in wanted]
    elif isinstance(nest, dict) and isinstance(other, dict) and nest.keys() == other.keys():
        return _each(name, other.__getitem__, nest.items(), path)
    elif isinstance(nest, list | tuple) and isinstance(other, list | tuple):
        if len(nest) == len(other):
            return _each(name, other.__getitem__, enumerate(nest), path)
    elif is_leaf(nest):
        if isinstance(other, Module | dict) or other is None:
            raise ArgumentError(f"{name}: {path} must be an array, not {brief(other)}.")
        if np.shape(other) != np.shape(nest):
            raise ArgumentError(
                f"{name}: {path} must have the shape {np.shape(nest)}, not {np.shape(other)}."
            )
        return [other]
    elif not isinstance(nest, Module | dict | list | tuple):
        return []
    raise ArgumentError(f"{name}: {path} must be nested as {brief(nest)}, but is {brief(other)}.")


def _each(
    name: str, other: Callable[[Any], Any], parts: Iterable[tuple[Any, Any]], path: str
) -> list[Any]:
    found = []
    for key, part in parts:
        found += alike(name, part, other(key), f"{path}[{key!r}]")
    return found
