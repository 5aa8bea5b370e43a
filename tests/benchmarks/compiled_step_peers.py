"""The peers' sides of compiled_step.py, each in the words of its library.

Each is run by an interpreter that has that library, which it imports when it is made.
"""

import os
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import training_step_worker
from compiled_step_task import Training

BETAS, EPS, MOMENTUM = (0.9, 0.999), 1e-8, 0.9


class PyTorch(training_step_worker.PyTorch):
    """Eager; its Adam is the fused one."""

    def training(self, task, lr):
        return TorchTraining(self.torch, task, lr)


class TorchCompile(PyTorch):
    """Forward and backward compiled, the optimizer fused: faster than all compiled in most cases.

    It writes C++, which it needs a compiler for; what it has compiled is kept on disk.
    """

    def __init__(self, cores):
        os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"  # no processes of its own
        super().__init__(cores)

    def training(self, task, lr):
        self.torch._dynamo.reset()
        return TorchTraining(self.torch, task, lr, compiled=True)


class TorchTraining(Training):
    def __init__(self, torch, task, lr, compiled=False):
        nn, sizes = torch.nn, task.sizes
        layers = [nn.Linear(sizes[0], sizes[1])]
        for shape in pairwise(sizes[1:]):
            layers += [nn.ReLU(), nn.Linear(*shape)]
        model = layers[0] if task.is_adaline else nn.Sequential(*layers)
        criterion = nn.MSELoss() if task.is_adaline else nn.CrossEntropyLoss()
        self.is_adaline, self.parameters = task.is_adaline, list(model.parameters())
        with torch.no_grad():
            for parameter, value in zip(self.parameters, task.parameters, strict=True):
                parameter.copy_(torch.from_numpy(value.T).reshape(parameter.shape))
        self.x, self.y = torch.from_numpy(task.x), torch.from_numpy(task.y)
        if task.is_adaline:
            self.y = self.y[:, None]

        options = {"fused": True} if compiled or task.optimizer == "Adam" else {}
        if task.optimizer == "Adam":
            optimizer = torch.optim.Adam(self.parameters, lr, **options)
        else:
            momentum = MOMENTUM if task.optimizer == "momentum" else 0
            optimizer = torch.optim.SGD(self.parameters, lr, momentum, **options)
        self.optimizer = optimizer

        def loss_of(x, y):
            return criterion(model(x), y)

        if compiled:
            loss_of = torch.compile(loss_of)

        def step(x, y):
            loss = loss_of(x, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        self.step = step

    def values(self):
        values = [p.detach().numpy().T for p in self.parameters]
        return [values[0][:, 0], values[1][0]] if self.is_adaline else values

    def slow_down(self, lr):
        self.optimizer.param_groups[0]["lr"] = lr


class Jax:
    """One jitted function of parameters and optimizer state, whose buffers are donated."""

    def __init__(self, cores):
        import jax

        jax.config.update("jax_platforms", "cpu")
        self.jax = jax

    def training(self, task, lr):
        return JaxTraining(self.jax, task, lr)

    def describe(self):
        return f"JAX {self.jax.__version__}"


class JaxTraining(Training):
    def __init__(self, jax, task, lr):
        self.jax, self.task = jax, task
        self.x, self.y = jax.device_put(task.x), jax.device_put(task.y)
        self.parameters = [jax.numpy.array(p) for p in task.parameters]
        zeros = [jax.numpy.zeros_like(p) for p in self.parameters]
        if task.optimizer == "Adam":
            copies = [jax.numpy.zeros_like(p) for p in self.parameters]
            self.state = (zeros, copies, jax.numpy.zeros((), "int32"))
        else:
            self.state = zeros if task.optimizer == "momentum" else ()
        self.lr = jax.numpy.float32(lr)  # an array there already: faster than a number
        self.step = self.jitted(jax, jax.numpy, task.optimizer, task.is_adaline)

    def jitted(self, jax, jnp, name, is_adaline):
        def loss_of(parameters, x, y):
            *hidden, last = zip(parameters[::2], parameters[1::2], strict=True)
            for weight, bias in hidden:
                x = jax.nn.relu(x @ weight + bias)
            x = x @ last[0] + last[1]
            if is_adaline:
                return jnp.mean((x - y) ** 2)
            chosen = jnp.take_along_axis(x, y[:, None], axis=1)[:, 0]
            return jnp.mean(jax.nn.logsumexp(x, axis=1) - chosen)

        def updated(parameters, gradients, state, lr):
            if name == "SGD":
                return moved(parameters, gradients, lr), ()
            if name == "momentum":
                state = [MOMENTUM * v + g for v, g in zip(state, gradients, strict=True)]
                return moved(parameters, state, lr), state
            ms, vs, t = state
            t = t + 1
            ms = [BETAS[0] * m + (1 - BETAS[0]) * g for m, g in zip(ms, gradients, strict=True)]
            vs = [BETAS[1] * v + (1 - BETAS[1]) * g * g for v, g in zip(vs, gradients, strict=True)]
            of_m, of_v = (1 / (1 - beta**t) for beta in BETAS)
            pairs = zip(ms, vs, strict=True)
            steps = [m * of_m / (jnp.sqrt(v * of_v) + EPS) for m, v in pairs]
            return moved(parameters, steps, lr), (ms, vs, t)

        def moved(parameters, steps, lr):
            return [p - lr * s for p, s in zip(parameters, steps, strict=True)]

        def train_step(parameters, state, x, y, lr):
            loss, gradients = jax.value_and_grad(loss_of)(parameters, x, y)
            return loss, *updated(parameters, gradients, state, lr)

        train_step = jax.jit(train_step, donate_argnums=(0, 1))

        def step(x, y):
            loss, self.parameters, self.state = train_step(
                self.parameters, self.state, x, y, self.lr
            )
            return loss

        return step

    def slow_down(self, lr):
        self.lr = self.jax.numpy.float32(lr)

    def values(self):
        return [np.asarray(p) for p in self.parameters]

    def wait(self, loss):
        loss.block_until_ready()


class Autograd:
    """HIPS autograd, and NumPy for the update."""

    def __init__(self, cores):
        import autograd
        import autograd.numpy
        from autograd.tracer import getval

        self.autograd, self.np, self.getval = autograd, autograd.numpy, getval

    def describe(self):
        from importlib.metadata import version

        return f"HIPS autograd {version('autograd')}"

    def training(self, task, lr):
        np, getval = self.np, self.getval
        targets = task.y if task.is_adaline else np.eye(task.sizes[-1], dtype="float32")[task.y]

        def loss_of(parameters, x, y):
            *hidden, last = zip(parameters[::2], parameters[1::2], strict=True)
            for weight, bias in hidden:
                x = x @ weight + bias
                x = x * (x > 0)  # the gradient of np.maximum is in float64, and slower
            x = x @ last[0] + last[1]
            if task.is_adaline:
                return np.mean((x - y) ** 2)
            x = x - getval(x).max(axis=1, keepdims=True)
            return np.mean(np.log(np.sum(np.exp(x), axis=1)) - np.sum(x * y, axis=1))

        differentiated = self.autograd.value_and_grad(loss_of)

        def step(x, y):
            loss, gradients = differentiated(training.parameters, x, y)
            training.update(gradients)
            return loss

        training = NumPyTraining(task, lr)
        training.step, training.y = step, targets
        return training


class MyGrad:
    """Its memory guard is off, and NumPy updates."""

    def __init__(self, cores):
        import mygrad
        from mygrad.nnet import losses
        from mygrad.nnet.activations import relu

        mygrad.turn_memory_guarding_off()
        self.mg = SimpleNamespace(
            tensor=mygrad.tensor, mean=mygrad.mean, matmul=mygrad.matmul,
            relu=relu, cross_entropy=losses.softmax_crossentropy, version=mygrad.__version__,
        )  # fmt: skip

    def describe(self):
        return f"MyGrad {self.mg.version}"

    def training(self, task, lr):
        mg, training = self.mg, NumPyTraining(task, lr)
        tensors = [mg.tensor(p, copy=False) for p in training.parameters]
        training.parameters = [t.data for t in tensors]
        *hidden, last = zip(tensors[::2], tensors[1::2], strict=True)

        def step(x, y):
            for weight, bias in hidden:
                x = mg.relu(mg.matmul(x, weight) + bias)
            x = mg.matmul(x, last[0]) + last[1]
            loss = mg.mean((x - y) ** 2) if task.is_adaline else mg.cross_entropy(x, y)
            loss.backward()
            training.update([t.grad for t in tensors])
            return loss

        training.step = step
        return training


class NumPyTraining(Training):
    """Updates as one writes them in NumPy, in place where that is as short."""

    def __init__(self, task, lr):
        self.x, self.y, self.lr, self.optimizer = task.x, task.y, lr, task.optimizer
        self.parameters = [p.copy() for p in task.parameters]
        self.v = [np.zeros_like(p) for p in self.parameters]
        self.m = [np.zeros_like(p) for p in self.parameters]
        self.t = 0

    def update(self, gradients):
        self.t += 1
        lr = self.lr
        beta1, beta2 = BETAS
        of_m, of_v = 1 / (1 - beta1**self.t), 1 / (1 - beta2**self.t)
        for w, g, m, v in zip(self.parameters, gradients, self.m, self.v, strict=True):
            if self.optimizer == "SGD":
                w -= lr * g
            elif self.optimizer == "momentum":
                v *= MOMENTUM
                v += g
                w -= lr * v
            else:
                m *= beta1
                m += (1 - beta1) * g
                v *= beta2
                v += (1 - beta2) * g * g
                w -= lr * of_m * m / (np.sqrt(of_v * v) + EPS)

    def values(self):
        return self.parameters

    def slow_down(self, lr):
        self.lr = lr
