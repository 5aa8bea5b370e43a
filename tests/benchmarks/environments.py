"""The virtual environments that peers get for a comparison: in the user's cache folder."""

import os
import subprocess
import sys
from pathlib import Path

TORCH = "2.13"


def torch_environment(*others):
    """The Python of a virtual environment with PyTorch and other packages, made if need be."""
    folder, python = virtual_environment(f"torch-{TORCH}", [f"torch=={TORCH}.*", "numpy"], *others)
    print(f"PyTorch is that of {folder}", file=sys.stderr)
    return python


def virtual_environment(name, packages, *others):
    """A folder with a virtual environment, made if need be, and its Python.

    `packages` are installed at once when it is made; `others` one by one, also later.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    folder = base / "tinygrad_lite" / f"benchmarks-{name}"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    done = folder / "installed"
    if not done.exists():
        print(f"Making a virtual environment in {folder}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        print(f"Installing {', '.join(packages)} there: a large download", file=sys.stderr)
        subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
        done.touch()
    for package in others:
        done = folder / f"installed-{package}"
        if not done.exists():
            print(f"Installing {package} there", file=sys.stderr)
            subprocess.run([python, "-m", "pip", "install", "-q", package], check=True)
            done.touch()
    return folder, str(python)
