"""Fisher's irises."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

IRIS_FEATURES = ("sepal length", "sepal width", "petal length", "petal width")
IRIS_CLASSES = ("setosa", "versicolor", "virginica")


def iris() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """150 flowers of three species of iris, each measured in four ways.

    Returns
    -------
    x : (150, 4), float32
        Lengths and widths in cm, in the order of `IRIS_FEATURES`.
    y : (150,), int64
        The species, as an index into `IRIS_CLASSES`; 50 flowers of each, one species after another.

    Notes
    -----
    These are the numbers of Fisher's table [1]_. The copy in the UCI repository [2]_ differs from
    it in two flowers, the 35th and the 38th. The licence is in `LICENSE-DATA.md`, beside this file.

    References
    ----------
    .. [1] Fisher, "The use of multiple measurements in taxonomic problems", Annals of Eugenics 7,
       1936.
    .. [2] "Iris", UCI Machine Learning Repository, https://doi.org/10.24432/C56C76.

    Examples
    --------
    >>> from tinygrad_lite.data import IRIS_CLASSES, iris
    >>> x, y = iris()
    >>> for species, name in enumerate(IRIS_CLASSES):
    ...     print(f"{name:10}  petals {x[y == species, 2].mean():.2f} cm long")
    setosa      petals 1.46 cm long
    versicolor  petals 4.26 cm long
    virginica   petals 5.55 cm long
    """
    path = Path(__file__).with_name("iris.csv")
    table = np.loadtxt(path, delimiter=",", skiprows=1, encoding="utf-8")
    return table[:, :-1].astype(np.float32), table[:, -1].astype(np.int64)
