"""Small handwritten digits."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def digits() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """1,797 handwritten digits as images of 8 × 8 pixels, by 13 writers.

    Returns
    -------
    x : (1797, 8, 8), float32
        Ink: how many of the 16 dots under a pixel are black, 0 to 16.
    y : (1797,), int64
        The digit, 0 to 9.

    Notes
    -----
    This is the test part of the dataset [1]_; the training part is by other writers and isn't
    included. The licence is in `LICENSE-DATA.md`, beside this file.

    References
    ----------
    .. [1] Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
       Repository, 1998, https://doi.org/10.24432/C50P49.

    Examples
    --------
    >>> from tinygrad_lite.data import digits
    >>> x, y = digits()
    >>> for row in x[4]:
    ...     print("".join("·░▒▓"[int(ink) // 5] for ink in row))
    ····▒···
    ···░░···
    ···▒░···
    ··░▓·░░·
    ·░▓▒·▓░·
    ··▓▓▒▓··
    ····▓▒··
    ····▓···
    >>> int(y[4])
    4
    """
    with np.load(Path(__file__).with_name("digits.npz"), allow_pickle=False) as file:
        return file["x"].astype(np.float32), file["y"].astype(np.int64)
