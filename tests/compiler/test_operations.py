"""Every operation of the table, forward and backward: the program gives what eager does."""

import re
import warnings

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor
from tinygrad_lite.compiler import compile
from tinygrad_lite.errors import OperationError

from ..ops.cases import CASES


def with_gradients(case):
    """A function of arrays: the result, and its gradients by all that has one."""

    def run(*arrays):
        xs = [Tensor(x, requires_grad=x.dtype.kind == "f") for x in arrays]
        out = case.call(*xs)
        differentiated = [x for x in xs if x.requires_grad]
        if not out.requires_grad:
            return [out]
        weights = np.linspace(0.5, 1.5, out.size).reshape(out.shape)
        found = out.gradient(*differentiated, gradient=weights)
        return [out, *(found if isinstance(found, tuple) else [found])]

    return run


def moved(x):
    return x * x.dtype.type(0.9375) if x.dtype.kind == "f" else x


@pytest.mark.parametrize("case", CASES, ids=str)
def test_program_of_an_operation_is_bit_for_bit_eager(case):
    run = with_gradients(case)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        step = compile(run, exact=True)
        first = [np.asarray(x) for x in case.inputs]
        try:
            tl.trace(run, *first)
        except OperationError as error:  # a value that leaves the graph, a shape by values
            with pytest.raises(OperationError, match=re.escape(str(error)[:40])):
                step(*first)
            return
        step(*first)
        for arrays in (first, [moved(x) for x in first]):
            try:
                expected = run(*[Tensor(x) for x in arrays])
            except tl.errors.TinygradError:
                continue
            for got, wanted in zip(step(*arrays), expected, strict=True):
                assert got.dtype == wanted.dtype and got.shape == wanted.shape
                np.testing.assert_array_equal(got.numpy(), wanted.numpy(), err_msg=step.source)
