"""The operators and methods that a Tensor has: this list, and nothing else."""

import numpy as np

from .dispatch import Dispatch, binary, both, in_place, method
from .ops import functions, shapes


class Methods(Dispatch):
    """NumPy's functions by their signs, `x + y`, and by their names, `x.exp()`."""

    __slots__ = ()

    __add__, __radd__ = both(np.add)
    __sub__, __rsub__ = both(np.subtract)
    __mul__, __rmul__ = both(np.multiply)
    __truediv__, __rtruediv__ = both(np.divide)
    __pow__, __rpow__ = both(np.power)
    __matmul__, __rmatmul__ = both(np.matmul)
    __neg__, __pos__, __abs__ = method(np.negative), method(np.positive), method(np.absolute)

    __floordiv__, __rfloordiv__ = both(np.floor_divide)
    __mod__, __rmod__ = both(np.remainder)
    __round__ = method(np.round)

    __iadd__, __isub__ = in_place(np.add), in_place(np.subtract)
    __imul__, __itruediv__ = in_place(np.multiply), in_place(np.divide)
    __ipow__, __ifloordiv__ = in_place(np.power), in_place(np.floor_divide)
    __imod__ = in_place(np.remainder)

    __eq__ = binary(np.equal)  # type: ignore[assignment]
    __ne__ = binary(np.not_equal)  # type: ignore[assignment]
    __lt__, __le__ = binary(np.less), binary(np.less_equal)
    __gt__, __ge__ = binary(np.greater), binary(np.greater_equal)
    __and__, __rand__ = both(np.bitwise_and)
    __or__, __ror__ = both(np.bitwise_or)
    __xor__, __rxor__ = both(np.bitwise_xor)
    __invert__ = method(np.invert)

    # ---- entry by entry ----------------------------------------------------------------------

    exp, log, sqrt = method(np.exp), method(np.log), method(np.sqrt)
    square, abs, round = method(np.square), method(np.absolute), method(np.round)
    sin, cos, tanh = method(np.sin), method(np.cos), method(np.tanh)
    relu, sigmoid = method(functions.relu), method(functions.sigmoid)

    # ---- along axes --------------------------------------------------------------------------

    sum, prod, mean = method(np.sum), method(np.prod), method(np.mean)
    var, std = method(np.var), method(np.std)
    max, min = method(np.max), method(np.min)
    cumsum, cumprod = method(np.cumsum), method(np.cumprod)
    argmax, argmin = method(np.argmax), method(np.argmin)
    argsort, argpartition = method(np.argsort), method(np.argpartition)
    all, any = method(np.all), method(np.any)
    softmax, log_softmax = method(functions.softmax), method(functions.log_softmax)
    logsumexp = method(functions.logsumexp)

    # ---- products ----------------------------------------------------------------------------

    dot, trace = method(np.dot), method(np.trace)

    # ---- entries and shapes ------------------------------------------------------------------

    take, repeat = method(np.take), method(np.repeat)
    choose, searchsorted = method(np.choose), method(np.searchsorted)
    nonzero, diagonal = method(np.nonzero), method(np.diagonal)
    squeeze, swapaxes = method(np.squeeze), method(np.swapaxes)
    expand_dims, ravel = method(np.expand_dims), method(np.ravel)
    astype, copy = method(shapes.astype), method(np.copy)
