"""Threads and tasks: what holds in one of them holds in no other."""

import asyncio
import contextlib
import sys
import threading

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn
from tinygrad_lite.errors import AnomalyError


def recorded():
    """Whether an operation is recorded now."""
    return (Tensor(1.0, requires_grad=True) * 2).requires_grad


def at_once(*functions):
    """What functions return that run in threads of their own, in step with each other.

    Each gets the barrier at which all of them wait.
    """
    barrier = threading.Barrier(len(functions), timeout=60)
    found = [None] * len(functions)

    def run(i):
        try:
            found[i] = functions[i](barrier.wait)
        except BaseException as error:
            barrier.abort()
            found[i] = error

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(functions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in found:
        if isinstance(result, BaseException):
            raise result
    return found


def finds_anomalies():
    try:
        np.log(Tensor(0.0))
    except AnomalyError:
        return True
    return False


def state():
    with np.errstate(all="ignore"):
        return recorded(), finds_anomalies()


def test_threads_that_work_at_once_have_states_of_their_own():
    def within(*switches):
        def work(wait):
            wait()
            with contextlib.ExitStack() as stack:
                for switch in switches:
                    stack.enter_context(switch())
                wait()
                inside = state()
                wait()
            return inside, state()

        return work

    assert at_once(
        within(),
        within(tl.no_grad),
        within(tl.detect_anomaly),
        within(tl.detect_anomaly, tl.no_grad),
    ) == [
        ((True, False), (True, False)),
        ((False, False), (True, False)),
        ((True, True), (True, False)),
        ((False, True), (True, False)),
    ]


@pytest.mark.parametrize("make", [tl.no_grad, tl.detect_anomaly])
def test_one_switch_may_be_used_by_several_threads_at_once(make):
    switch = make()

    def first_in_first_out(wait):
        with switch:
            wait()  # all are inside
        wait()  # this one has left before the other
        return state()

    def last_out(wait):
        wait_to_enter = state()
        with switch:
            wait()
            wait()
            inside = state()
        return wait_to_enter, inside, state()

    other = (make is not tl.no_grad, make is tl.detect_anomaly)
    assert at_once(first_in_first_out, last_out) == [
        (True, False),
        ((True, False), other, (True, False)),
    ]


def test_decorated_function_may_be_called_by_several_threads_at_once():
    @tl.no_grad()
    def predict(wait):
        wait()
        inside = recorded()
        wait()
        return inside

    assert at_once(*[lambda wait: (predict(wait), recorded())] * 4) == [(False, True)] * 4


def test_threads_know_the_module_they_are_in():
    class Meeting(nn.Module):
        def __init__(self, wait):
            self.wait = wait
            self.inner = nn.Linear(2, 2, rng=0)

        def forward(self, x):
            self.wait()
            y = self.inner(x)
            self.wait()
            return y * 2

    def work(wait):
        model = Meeting(wait)
        y = model(tl.ones(2))
        paths = y.inputs[0].module_path, y.module_path
        return paths, y.call.module() is model, y.call.parent, (tl.ones(2) * 2).call

    def outside(wait):
        wait()
        found = (tl.ones(2, requires_grad=True) * 2).call
        wait()
        return found

    expected = (("inner", "Meeting"), True, None, None)
    assert at_once(work, work, outside) == [expected, expected, None]


def test_tasks_that_alternate_have_states_of_their_own():
    found = {}

    async def work(name, switch, turn, next_turn):
        async def hand_over():
            next_turn.set()
            await turn.wait()
            turn.clear()

        with switch():
            await hand_over()
            found[name] = state()
            await hand_over()
        found[f"{name} after"] = state()
        next_turn.set()

    async def both():
        one, other = asyncio.Event(), asyncio.Event()
        await asyncio.gather(
            work("no_grad", tl.no_grad, one, other),
            work("detect_anomaly", tl.detect_anomaly, other, one),
        )
        return state()

    assert asyncio.run(both()) == (True, False)
    assert found == {
        "no_grad": (False, False),
        "no_grad after": (True, False),
        "detect_anomaly": (True, True),
        "detect_anomaly after": (True, False),
    }


def test_tasks_know_the_module_they_are_in():
    class Slow(nn.Module):
        def forward(self, x, turns):
            turns.append(self)
            return x * 2

    async def work(model):
        y = model(tl.ones(2, requires_grad=True), [])
        await asyncio.sleep(0)
        return y.call.module() is model and (y * 2).call is None

    async def all_of_them():
        models = [Slow() for _ in range(3)]
        return await asyncio.gather(*map(work, models))

    assert asyncio.run(all_of_them()) == [True] * 3


def test_switches_that_are_left_in_the_wrong_order_leave_nothing_behind():
    def rows():
        with tl.no_grad():
            yield

    suspended = rows()
    next(suspended)
    with tl.detect_anomaly():
        suspended.close()
    assert state() == (True, False)


# ---- gradients of a shared leaf ------------------------------------------------------------------


@pytest.fixture
def eager_to_switch():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def test_threads_lose_no_addition_to_a_shared_gradient(eager_to_switch):
    w, together = Tensor([0.0, 0.0], requires_grad=True), threading.Barrier(4, timeout=60)

    def work():
        together.wait()
        for _ in range(500):
            (w * 1.0).sum().backward()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert w.grad.tolist() == [2000.0, 2000.0]
