"""Compares the time of `import tinygrad_lite` with that of `import numpy`.

    python tests/benchmarks/import_time.py               some ten seconds
    python tests/benchmarks/import_time.py --rounds 50

Each import is the first of a new process, which times that one statement; the two take turns. The
ratio is that of the medians. Both are compiled beforehand, whatever PYTHONDONTWRITEBYTECODE says.
Above the limit, the modules that took longest are listed, and the exit code is 1.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from cores import environment, settings

LIMIT = 1.5
MODULES = ["numpy", "tinygrad_lite"]
TIMED = """
import sys; sys.path.insert(0, {here!r}); from cores import pin; pin({cores!r}); del sys.path[0]
from time import perf_counter
start = perf_counter()
import {module}
print(perf_counter() - start)
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20, help="default: 20")
    args = parser.parse_args()
    good = True
    with TemporaryDirectory() as compiled:
        for cores in settings():
            env = environment(cores) | {"PYTHONPYCACHEPREFIX": compiled}
            env.pop("PYTHONDONTWRITEBYTECODE", None)
            for module in MODULES:  # compiles it, and has its files read once
                seconds(module, cores, env)
            turns = range(args.rounds)
            times = [[seconds(module, cores, env) for module in MODULES] for _ in turns]
            numpy, ours = (1000 * median(side) for side in zip(*times, strict=True))
            verdict = "ok" if ours / numpy <= LIMIT else "TOO SLOW"
            print(
                f"cores: {cores:3}   numpy {numpy:6.1f} ms   tinygrad_lite {ours:6.1f} ms   "
                f"ratio {ours / numpy:.3f}   limit {LIMIT}   {verdict}"
            )
            good &= ours / numpy <= LIMIT
        if not good:
            show_slowest(env)
    sys.exit(0 if good else 1)


def seconds(module, cores, env):
    """How long the import takes in a new process."""
    code = TIMED.format(here=str(Path(__file__).parent), cores=cores, module=module)
    return float(run(["-c", code], env).stdout)


def show_slowest(env, count=15):
    """The modules that take longest by themselves, of those that `import numpy` doesn't load."""
    code = "import numpy, sys; print('---', file=sys.stderr); import tinygrad_lite"
    listing = run(["-X", "importtime", "-c", code], env).stderr.split("---\n")[1]
    lines = [line.removeprefix("import time:").split("|") for line in listing.splitlines()]
    lines = sorted(((int(own), name.strip()) for own, _, name in lines), reverse=True)
    total = sum(own for own, _ in lines) / 1000
    print(f"\nBeyond those of numpy, {len(lines)} modules take {total:.1f} ms; the slowest:")
    for own, name in lines[:count]:
        print(f"{own:8,} µs  {name}")


def run(arguments, env):
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True)


if __name__ == "__main__":
    main()
