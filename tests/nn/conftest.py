import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import tinygrad_lite as tl


def pytorch_reference():
    """The cases that make_pytorch_reference.py wrote, with their arrays by name."""
    with np.load(Path(__file__).with_name("pytorch_reference.npz"), allow_pickle=False) as file:
        cases, numbers = json.loads(str(file["cases"])), file["numbers"]
    start = 0
    for case in cases:
        arrays = {}
        for name, shape in case["shapes"].items():
            stop = start + int(np.prod(shape))
            arrays[name] = numbers[start:stop].reshape(shape)
            start = stop
        yield SimpleNamespace(**case, **{"arrays": arrays})
    assert start == len(numbers)


CASES = list(pytorch_reference())


def pytest_generate_tests(metafunc):
    """A test that takes `pytorch_loss` runs for each case of PyTorch's of that group."""
    for group in {case.group for case in CASES}:
        if f"pytorch_{group}" in metafunc.fixturenames:
            cases = [case for case in CASES if case.group == group]
            names = [f"{case.kind} {json.dumps(case.options)}" for case in cases]
            metafunc.parametrize(f"pytorch_{group}", cases, ids=names)


@pytest.fixture(autouse=True)
def _seeded():
    tl.seed(0)
