"""The virtual environment that PyTorch gets for a comparison: in the user's cache folder."""

import os
import subprocess
import sys
from pathlib import Path

VERSION = "2.13"


def torch_environment(*others):
    """The Python of a virtual environment with PyTorch and other packages, made if need be."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    folder = base / "tinygrad_lite" / f"benchmarks-torch-{VERSION}"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    done = folder / "installed"
    if not done.exists():
        print(f"Making a virtual environment in {folder}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        print(f"Installing PyTorch {VERSION} and NumPy there: a large download", file=sys.stderr)
        packages = [f"torch=={VERSION}.*", "numpy"]
        subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
        done.touch()
    for package in others:
        done = folder / f"installed-{package}"
        if not done.exists():
            print(f"Installing {package} there", file=sys.stderr)
            subprocess.run([python, "-m", "pip", "install", "-q", package], check=True)
            done.touch()
    print(f"PyTorch is that of {folder}", file=sys.stderr)
    return str(python)
