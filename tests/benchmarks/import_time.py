"""Compares the time of `import tinygrad_lite` with that of `import numpy`.

    python tests/benchmarks/import_time.py               some ten seconds
    python tests/benchmarks/import_time.py --rounds 50

Each import is the first of a new process, which times that one statement; the two take turns. The
ratio is that of the medians. Above the limit, the modules that took longest are listed, and the
exit code is 1.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from statistics import median

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
    for cores in settings():
        for module in MODULES:  # reads the files once, and has them compiled
            seconds(module, cores)
        times = [[seconds(module, cores) for module in MODULES] for _ in range(args.rounds)]
        numpy, ours = (median(side) * 1000 for side in zip(*times, strict=True))
        verdict = "ok" if ours / numpy <= LIMIT else "TOO SLOW"
        print(
            f"cores: {cores:3}  numpy {numpy:6.1f} ms   tinygrad_lite {ours:6.1f} ms   "
            f"ratio {ours / numpy:.2f}   limit {LIMIT}   {verdict}"
        )
        good &= ours / numpy <= LIMIT
    if not good:
        show_slowest()
    sys.exit(0 if good else 1)


def seconds(module, cores):
    """How long the import takes in a new process."""
    code = TIMED.format(here=str(Path(__file__).parent), cores=cores, module=module)
    return float(run(["-c", code], cores).stdout)


def show_slowest(count=15):
    """The modules, other than NumPy's, that take longest by themselves."""
    after = "import numpy, sys; print('---', file=sys.stderr); import tinygrad_lite"
    listing = run(["-X", "importtime", "-c", after], "one").stderr.split("---\n")[1]
    lines = [line.removeprefix("import time:").split("|") for line in listing.splitlines()]
    lines = sorted(((int(own), name.strip()) for own, _, name in lines), reverse=True)
    print(f"\nSlowest of the {len(lines)} modules that are not NumPy's, in µs by themselves:")
    for own, name in lines[:count]:
        print(f"{own:8,}  {name}")


def run(arguments, cores):
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment(cores),
        capture_output=True,
        text=True,
        check=True,
    )


if __name__ == "__main__":
    main()
