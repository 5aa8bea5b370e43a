"""Reductions, and functions along an axis."""

import numpy as np

import tinygrad_lite as tl
from tinygrad_lite import Tensor

from .families import AXES, along, case, nonzero, positive, real, reduction


def logsumexp(x, axis=None, keepdims=False):
    return np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))


def softmax(x, axis=-1):
    return np.exp(x) / np.sum(np.exp(x), axis=axis, keepdims=True)


def cross_entropy(logits, classes):
    return -np.take_along_axis(np.log(softmax(logits)), classes[..., None], -1)[..., 0]


def zeros_at(*places):
    """Entries other than 0, but for some in order of memory."""

    def draw(rng, shape):
        x = nonzero(rng, shape)
        x.flat[list(places)] = 0
        return x

    return draw


def increasing(rng, shape):
    return np.cumsum(rng.uniform(0.2, 1, shape), axis=-1)


f, T, rows = tl.f, Tensor, np.array([[2, 0], [1, 1]])
ORDERS = [None, 2, 1, np.inf, -np.inf, 0, 3, 4.0, 1.5, 0.5, -1, -2.5]
ALONG = [((3,), -1), ((2, 3), 0), ((2, 3), -1), ((2, 3, 2), 1), ((0, 2), 1), ((2, 0), 1)]
CASES = [
    *reduction(np.sum, also=[T.sum]),
    *reduction(np.mean, also=[T.mean]),
    *reduction(np.max, also=[T.max]),
    *reduction(np.min, also=[T.min]),
    *reduction(np.add.reduce, name="add.reduce", also=[T.sum]),
    *reduction(np.maximum.reduce, name="maximum.reduce", also=[T.max]),
    *reduction(np.minimum.reduce, name="minimum.reduce", also=[T.min]),
    *reduction(f.logsumexp, numpy=logsumexp, also=[T.logsumexp]),
    *reduction(np.var, also=[T.var]),
    case(np.var, (4, 3), axis=0, ddof=1, also=[T.var]),
    case(np.var, (4, 3), ddof=2, also=[T.var]),
    *reduction(np.std),
    case(np.std, (4, 3), axis=0, ddof=1),
    case(np.std, (4, 3), ddof=0.5, keepdims=True),
    case(np.var, (4, 3), dtype=np.float64),
    case(np.mean, (4, 3), dtype=np.float64, axis=1, also=[T.mean]),
    case(np.sum, (4, 3), dtype=np.float64, also=[T.sum]),
    case(lambda x: np.sum(x, None, None, None), (4, 3), name="sum by position"),
    case(lambda x: np.var(x, 1, None, None, 1), (4, 3), name="var by position"),
    *reduction(np.prod),
    case(np.prod, (0, 3), axis=0),
    case(np.prod, (2, 0)),
    case(np.prod, (2, 3), dtype=np.float64),
    *[
        case(np.prod, shape, draw=zeros_at(*places), axis=axis, name=f"prod, zeros at {places},")
        for shape, axis, *places in [
            ((4,), None, 1),
            ((4,), 0, 0, 3),
            ((4,), None, 1, 2, 3),
            ((1,), None, 0),
            ((), None, 0),
            ((2, 3), None, 4),
            ((2, 3), 1, 0, 1),
            ((2, 3), (1, 0), 0, 4),
            ((2, 2, 3), (0, -1), 0, 7),
            ((2, 3), (), 4),
        ]
    ],
    *reduction(np.ptp),
    *reduction(np.amax),
    *reduction(np.amin),
    *reduction(np.median),
    case(np.median, (4, 6), axis=1),
    *reduction(np.nansum),
    *reduction(np.nanprod),
    *reduction(np.nanmean),
    *reduction(np.nanmax),
    *reduction(np.nanmin),
    case(np.quantile, (5,), q=0.3),
    case(np.quantile, (4, 6), q=0.4, axis=0, keepdims=True),
    case(np.quantile, (2, 3, 4), q=np.array([[0.1, 0.5], [0.9, 0.77]]), axis=(0, 2)),
    case(np.quantile, (4,), q=[0.0, 0.5, 1.0]),
    case(np.quantile, (), q=0.3),
    case(np.percentile, (2, 5), q=30, axis=-1),
    case(np.percentile, (2, 5), q=[10, 66.5]),
    case(np.average, (2, 3)),
    case(np.average, (2, 3), axis=1, keepdims=True),
    case(lambda x: np.average(x, returned=True)[0], (2, 3), name="average"),
    *[
        case(
            lambda x, weights, axis=None, keepdims=False: np.average(
                x, weights=weights, axis=axis, keepdims=keepdims
            ),
            *shapes,
            draw=(real, positive),
            name="average",
            **options,
        )
        for *shapes, options in [
            [(3,), (3,), {}],
            [(2, 3), (2, 3), {}],
            [(2, 3), (2, 3), {"axis": 0}],
            [(2, 3), (3,), {"axis": -1, "keepdims": True}],
            [(2, 3, 4), (3,), {"axis": 1}],
            [(2, 3, 4), (2, 3, 4), {"axis": (0, 2)}],
            [(2, 3, 4), (4, 2), {"axis": (2, 0)}],
        ]
    ],
    *[
        case(lambda w: np.average(np.ones((3, 2)), 0, w, True)[1], shape, name="average's weights")
        for shape in [(3,), (3, 2)]
    ],
    *[
        case(np.linalg.norm, (4,), draw=nonzero, ord=order, axis=axis)
        for order in ORDERS
        for axis in (None, 0)
    ],
    *[case(np.linalg.norm, (3, 4), draw=nonzero, ord=order, axis=-1) for order in ORDERS],
    *[
        case(np.linalg.norm, (2, 3, 2), draw=nonzero, ord=order, axis=1, keepdims=True)
        for order in ORDERS
    ],
    *[
        case(np.linalg.norm, shape, axis=axis, keepdims=keepdims)
        for shape, axis in AXES
        if axis != ()
        for keepdims in (False, True)
    ],
    *[
        case(np.linalg.norm, shape, ord=order, draw=nonzero, **options)
        for order in (None, "fro", 1, -1, np.inf, -np.inf, 2, -2, "nuc")
        for shape, options in [
            ((3, 4), {}),
            ((3, 4), {"axis": (1, 0)}),
            ((2, 3, 2), {"axis": (2, 0), "keepdims": True}),
        ]
    ],
    case(np.linalg.norm, (2, 2, 2, 2)),
    case(np.linalg.norm, (0,)),
    case(np.linalg.norm, (0, 3), axis=1),
    *[
        case(np.linalg.vector_norm, shape, ord=order, axis=axis, draw=nonzero, keepdims=keepdims)
        for order in (2, 1, np.inf, 3, 0)
        for shape, axis, keepdims in [
            ((), None, False),
            ((2, 3), None, True),
            ((2, 3), 1, False),
            ((2, 3, 2), (0, 2), False),
        ]
    ],
    *[
        case(np.linalg.matrix_norm, shape, ord=order, keepdims=keepdims)
        for order in ("fro", 1, -np.inf, "nuc")
        for shape, keepdims in [((2, 3), False), ((2, 3, 4), True)]
    ],
    *[
        case(call, shape, axis=axis)
        for call in (np.cumsum, np.cumprod)
        for shape, axis in [*ALONG, ((2, 3), None), ((), None), ((), 0), ((0,), None), ((7,), 0)]
    ],
    case(np.cumsum, (2, 3), axis=0, dtype=np.float64),
    case(np.cumprod, (2, 3), axis=0, dtype=np.float64),
    *[
        case(
            np.cumprod, shape, draw=zeros_at(*places), axis=axis, name=f"cumprod, zeros at {places}"
        )
        for shape, axis, *places in [
            ((5,), None, 0),
            ((6,), 0, 2),
            ((8,), 0, 1, 4),
            ((4,), 0, 3),
            ((1,), 0, 0),
            ((2, 3), None, 1, 2),
            ((3, 4), -1, 0, 5, 6, 11),
            ((5, 2), 0, 2, 3, 8),
        ]
    ],
    *[case(np.diff, shape, axis=axis) for shape, axis in ALONG],
    *[case(np.diff, (2, 5), n=n) for n in (0, 2, 3, 5, 6)],
    case(np.diff, (4, 2), n=2, axis=0),
    case(np.diff, (2, 3), prepend=0.5, append=np.ones((2, 2))),
    case(np.diff, (2, 3), axis=0, n=2, append=1),
    case(lambda a, b, c: np.diff(a, prepend=b, append=c), (2, 3), (), (2, 2), name="diff between"),
    case(np.ediff1d, (2, 3)),
    case(np.ediff1d, (1,)),
    case(np.ediff1d, (4,), to_end=[1.0, 2.0], to_begin=0),
    case(lambda a, b, c: np.ediff1d(a, b, c), (3,), (), (2, 2), name="ediff1d between"),
    *[case(np.trapezoid, shape, axis=axis) for shape, axis in ALONG],
    case(np.trapezoid, (4,), dx=0.3),
    case(np.trapezoid, (2, 1)),
    case(np.trapezoid, (3, 2), np.array([0, 2, 3]), axis=0),
    *[
        case(
            lambda y, x, axis=-1: np.trapezoid(y, x, axis=axis),
            *shapes,
            draw=(real, increasing),
            name="trapezoid",
            axis=axis,
        )
        for *shapes, axis in [
            [(4,), (4,), -1],
            [(2, 4), (4,), 1],
            [(4, 2), (4,), 0],
            [(2, 4), (2, 4), -1],
            [(2, 3, 2), (2, 3, 2), 1],
        ]
    ],
    *[
        case(getattr(np, name), shape, axis=axis, include_initial=initial)
        for name in ("cumulative_sum", "cumulative_prod")
        if hasattr(np, name)  # since NumPy 2.1
        for shape, axis in [((3,), None), ((2, 3), 0)]
        for initial in (False, True)
    ],
    case(np.sum, (0, 3), axis=0),
    case(np.sum, (2, 0)),
    *along(f.softmax, softmax, [T.softmax]),
    *along(f.log_softmax, lambda x, axis: np.log(softmax(x, axis)), [T.log_softmax]),
    case(f.cross_entropy, (4, 3), np.array([2, 0, 1, 1]), numpy=cross_entropy),
    case(f.cross_entropy, (3,), np.array(1), numpy=cross_entropy),
    case(f.cross_entropy, (2, 2, 3), rows, numpy=cross_entropy),
    case(f.cross_entropy, (0, 3), np.zeros(0, int), numpy=cross_entropy),
]
