import subprocess
import sys

import numpy as np
import pytest

from tinygrad_lite.data import IRIS_CLASSES, IRIS_FEATURES, digits, iris


def test_iris_has_the_shapes_and_dtypes_it_says():
    x, y = iris()
    assert (x.shape, x.dtype) == ((150, 4), np.float32)
    assert (y.shape, y.dtype) == ((150,), np.int64)
    assert len(IRIS_FEATURES) == x.shape[1]
    assert np.bincount(y).tolist() == [50] * len(IRIS_CLASSES)


def test_iris_is_fishers_table_and_not_the_copy_with_two_errors():
    x, _ = iris()
    np.testing.assert_allclose(x[34], [4.9, 3.1, 1.5, 0.2])
    np.testing.assert_allclose(x[37], [4.9, 3.6, 1.4, 0.1])


def test_means_of_iris_are_those_that_fisher_printed():
    x, y = iris()
    means = [x[y == species].mean(axis=0) for species in range(3)]
    expected = [
        [5.006, 3.428, 1.462, 0.246],
        [5.936, 2.770, 4.260, 1.326],
        [6.588, 2.974, 5.552, 2.026],
    ]
    np.testing.assert_allclose(means, expected, rtol=1e-5)


def test_digits_has_the_shapes_and_dtypes_it_says():
    x, y = digits()
    assert (x.shape, x.dtype) == ((1797, 8, 8), np.float32)
    assert (y.shape, y.dtype) == ((1797,), np.int64)
    assert (x.min(), x.max()) == (0, 16)
    assert np.bincount(y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_images_of_digits_belong_to_their_labels():
    x, y = digits()
    means = np.stack([x[y == digit].mean(axis=0) for digit in range(10)])
    distances = np.square(x[:, None] - means).sum(axis=(2, 3))
    assert (distances.argmin(axis=1) == y).mean() > 0.9


@pytest.mark.parametrize("dataset", [iris, digits])
def test_each_call_gives_arrays_of_its_own(dataset):
    x, y = dataset()
    x[:], y[:] = -1, -1
    again_x, again_y = dataset()
    assert again_x.min() >= 0 and again_y.min() >= 0


def test_importing_datasets_loads_nothing_for_downloads():
    heavy = {"gzip", "http.client", "importlib.resources", "ssl", "tqdm", "urllib.request"}
    program = f"import sys, tinygrad_lite.data; print(sorted({heavy} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout.strip() == "[]", run.stderr
