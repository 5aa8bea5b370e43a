"""On how many cores a benchmark runs: its environment variables, and where it is pinned.

"one": pinned to the last core that is available, with one thread. "all": as the libraries do it.
"""

import os

THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
TUNING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")  # would make it another library


def settings() -> list[str]:
    return ["one", "all"] if len(available()) > 1 else ["one"]


def available() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def environment(cores: str) -> dict[str, str]:
    """The environment to start a process in."""
    kept = {key: value for key, value in os.environ.items() if key not in (*THREADS, *TUNING)}
    return kept | (dict.fromkeys(THREADS, "1") if cores == "one" else {})


def pin(cores: str) -> None:
    """Keep this process on its core; to be called before NumPy or PyTorch is imported."""
    if cores == "one" and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(available())})
