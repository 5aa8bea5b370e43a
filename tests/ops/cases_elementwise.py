"""Operations entry by entry."""

import math
import operator as o
from functools import partial

import numpy as np

import tinygrad_lite as tl
from tinygrad_lite import Tensor

from .families import between, bools, elementwise, nonzero, positive, real

f, T = tl.f, Tensor
inside, beyond_1 = between(-0.8, 0.8), between(1.2, 3)


def erf(x):
    return np.vectorize(math.erf, otypes=[x.dtype])(x)


def normal_pdf(x):
    return np.exp(-(x**2) / 2) / math.sqrt(2 * np.pi)


def normal_cdf(x):
    return (1 + erf(x / math.sqrt(2))) / 2


def gelu_with_tanh(x):
    return x / 2 * (1 + np.tanh(math.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def sinc_slope(x):
    return (np.cos(np.pi * x) - np.sinc(x)) / x


CASES = [
    *elementwise(np.add, real, real, also=[o.add]),
    *elementwise(np.subtract, real, real, also=[o.sub]),
    *elementwise(np.multiply, real, real, also=[o.mul]),
    *elementwise(np.divide, real, nonzero, also=[o.truediv, np.true_divide]),
    *elementwise(np.power, positive, real, also=[o.pow]),
    *elementwise(np.negative, real, also=[o.neg]),
    *elementwise(np.positive, real, also=[o.pos]),
    *elementwise(np.copy, real, also=[T.copy]),
    *elementwise(lambda x: x**2, real, name="x**2", also=[lambda x: np.power(x, 2)]),
    *elementwise(lambda x: x**3, nonzero, name="x**3"),
    *elementwise(lambda x: x**0, real, name="x**0"),
    *elementwise(lambda x: x**-1, nonzero, name="x**-1"),
    *elementwise(lambda x: x**0.5, positive, name="x**0.5"),
    *elementwise(lambda x: 2**x, real, name="2**x", also=[lambda x: np.power(2, x)]),
    *elementwise(lambda x: 1.5 - x / 3, real, name="1.5-x/3"),
    *elementwise(lambda x: 1 / x, nonzero, name="1/x"),
    *elementwise(np.exp, real, also=[T.exp]),
    *elementwise(np.expm1, real),
    *elementwise(np.log, positive, also=[T.log]),
    *elementwise(np.log1p, between(-0.7, 2)),
    *elementwise(np.sqrt, positive, also=[T.sqrt]),
    *elementwise(np.square, real, also=[T.square]),
    *elementwise(np.sin, real, also=[T.sin]),
    *elementwise(np.cos, real, also=[T.cos]),
    *elementwise(np.tanh, real, also=[T.tanh]),
    *elementwise(np.absolute, nonzero, also=[abs, np.abs, T.abs]),
    *elementwise(np.maximum, real, real),
    *elementwise(np.minimum, real, real),
    *elementwise(np.clip, real, between(-1, -0.5), between(0.5, 1), also=[T.clip]),
    *elementwise(
        lambda x: np.clip(x, -0.5, 1), real, name="clip", also=[lambda x: x.clip(-0.5, 1)]
    ),
    *elementwise(lambda x: np.clip(x, None, 1), real, name="clip", also=[lambda x: x.clip(max=1)]),
    *elementwise(lambda x: np.clip(x, 1, None), real, name="clip", also=[lambda x: x.clip(1)]),
    *elementwise(np.where, bools, real, real),
    *elementwise(lambda x: np.where(x > 0, x, 1.0), nonzero, name="where"),
    *elementwise(f.relu, nonzero, numpy=lambda x: np.maximum(x, 0), also=[T.relu]),
    *elementwise(f.sigmoid, real, numpy=lambda x: 1 / (1 + np.exp(-x)), also=[T.sigmoid]),
    *elementwise(f.softplus, real, numpy=lambda x: np.log1p(np.exp(x))),
    *elementwise(lambda x: x.astype(np.float64), real, name="astype"),
    *elementwise(np.reciprocal, nonzero),
    *elementwise(np.remainder, real, between(2.1, 3), also=[np.mod]),
    *elementwise(lambda x: np.remainder(x, 0.3), between(0.61, 0.89), name="remainder by a number"),
    *elementwise(lambda y: np.remainder(-7.0, y), between(1.2, 1.39), name="remainder of a number"),
    *elementwise(np.fmod, between(3.1, 4), between(1.1, 1.5)),
    *elementwise(lambda y: np.fmod(-7.0, y), between(1.2, 1.39), name="fmod of a number"),
    *elementwise(np.float_power, positive, real),
    *elementwise(lambda x: np.float_power(x, 2), real, name="float_power"),
    *elementwise(lambda x: x**12, between(0.7, 1.2), name="x**12"),
    *elementwise(np.cbrt, nonzero),
    *elementwise(np.exp2, real),
    *elementwise(np.log2, positive),
    *elementwise(np.log10, positive),
    *elementwise(np.logaddexp, real, real),
    *elementwise(lambda x: np.logaddexp(x, 0), real, name="logaddexp with a number"),
    *elementwise(np.logaddexp2, real, real),
    *elementwise(np.tan, between(-1, 1)),
    *elementwise(np.arcsin, inside),
    *elementwise(np.arccos, inside),
    *elementwise(np.arctan, real),
    *elementwise(np.arctan2, nonzero, nonzero),
    *elementwise(lambda x: np.arctan2(0.5, x), real, name="arctan2 of a number"),
    *elementwise(np.hypot, nonzero, nonzero),
    *elementwise(lambda x: np.hypot(x, 2), real, name="hypot with a number"),
    *elementwise(np.sinc, real),
    *elementwise(np.deg2rad, real),
    *elementwise(np.radians, real),
    *elementwise(np.rad2deg, real),
    *elementwise(np.degrees, real),
    *elementwise(np.sinh, real),
    *elementwise(np.cosh, real),
    *elementwise(np.arcsinh, real),
    *elementwise(np.arccosh, beyond_1),
    *elementwise(np.arctanh, inside),
    *elementwise(np.fabs, nonzero),
    *elementwise(lambda x, y: np.copysign(x, y) + y, nonzero, nonzero, name="copysign"),
    *elementwise(lambda x: np.copysign(x, -1), nonzero, name="copysign of a number"),
    *elementwise(lambda x, y: np.heaviside(x, y) + x, nonzero, real, name="heaviside"),
    *elementwise(lambda y: np.heaviside(0.0, y), real, name="heaviside of 0"),
    *elementwise(np.fmax, real, real),
    *elementwise(np.fmin, real, real),
    *elementwise(lambda x: np.fmax(x, np.nan), real, name="fmax with nan"),
    *elementwise(np.nan_to_num, real),
    *elementwise(lambda x: np.nan_to_num(x, nan=2.0, posinf=1.0), real, name="nan_to_num options"),
    *elementwise(lambda x: x * np.allclose(x, x + 1e-10), real, name="allclose"),
    *elementwise(lambda x: x * np.array_equal(x, x, equal_nan=True), real, name="array_equal"),
    *elementwise(lambda x: x * np.array_equiv(x, [x.tolist()]), real, name="array_equiv"),
    *elementwise(f.erf, real, numpy=erf),
    *elementwise(f.normal_pdf, real, numpy=normal_pdf),
    *elementwise(f.normal_cdf, real, numpy=normal_cdf),
    *elementwise(f.gelu, real, numpy=lambda x: x * normal_cdf(x)),
    *elementwise(
        partial(f.gelu, approximate=True), real, name="gelu with tanh", numpy=gelu_with_tanh
    ),
]
