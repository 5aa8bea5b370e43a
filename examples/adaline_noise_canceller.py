"""An Adaline learns, one sample at a time, to take the noise out of a heartbeat.

One sensor picks up the heartbeat together with noise that was filtered on its way there. Another
picks up the noise alone, at its source. The Adaline predicts the noise in the first from the latest
samples of the second, which a tapped delay line keeps. What it can't predict, its error, is the
heartbeat: the same number is the cleaned signal and what the LMS rule learns from.

    Widrow & Hoff, "Adaptive switching circuits", 1960 (the LMS rule)
    Widrow et al., "Adaptive noise cancelling: principles and applications", 1975
"""

import argparse
from pathlib import Path

import numpy as np

import tinygrad_lite as tl
from tinygrad_lite import Tensor

RATE = 250  # samples per second
SECONDS = 40
TAPS = 32  # samples in the delay line
LR = 0.0015


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0, help="of the noise (default: 0)")
    parser.add_argument("--output", type=Path, default=Path(), help="folder of the picture")
    args = parser.parse_args()

    # What the two sensors pick up. On its way to the first, the noise is filtered by `path`.
    time = np.arange(SECONDS * RATE) / RATE
    signal = heartbeat(time)
    reference = np.random.default_rng(args.seed).normal(size=len(time))
    delays = np.arange(TAPS)
    path = 0.4 * np.exp(-delays / 6) * np.cos(delays / 2)
    primary = signal + np.convolve(reference, path)[: len(time)]

    cleaned, learned = cancel(primary, reference)

    before, after = snr(signal, primary), snr(signal, cleaned)
    half = len(time) // 2
    settled = snr(signal[half:], cleaned[half:])
    print(f"Adaline({TAPS} → 1) on {len(time):,} samples, each seen once")
    print(f"signal-to-noise ratio before   {before:+6.1f} dB")
    print(f"                      after    {after:+6.1f} dB, up by {after - before:.1f} dB")
    print(f"       in the second half of it {settled:+5.1f} dB, up by {settled - before:.1f} dB")
    print(f"learned filter: within {np.abs(learned - path).max():.3f} of the true one, tap by tap")
    draw(args.output, time, signal, primary, cleaned, path, learned)


def cancel(primary, reference):
    """The primary input less what the reference predicts of it; and the filter learned for that."""
    adaline = tl.models.Adaline(TAPS, bias=False, dtype=np.float64)
    w = adaline.weight
    delay_line = np.zeros(TAPS)
    cleaned = np.zeros(len(primary))
    for t in range(len(primary)):
        # Every sample moves on by one tap; the newest enters at the front.
        delay_line[1:] = delay_line[:-1]
        delay_line[0] = reference[t]

        # Forward: predict the noise. What is left, the error, is the cleaned signal.
        noise = adaline(Tensor(delay_line))
        error = primary[t] - noise
        cleaned[t] = error.item()

        # Backward and update. The gradient of error² is -2 · error · delay_line, so this is
        # the LMS rule: w += 2 · LR · error · delay_line.
        w.zero_grad()
        (error**2).backward()
        with tl.no_grad():
            w -= LR * w.grad
    return cleaned, w.numpy()


def heartbeat(time):
    """A heart of 72 beats a minute as its electrocardiogram shows it, in mV."""
    phase = time * 72 / 60 % 1
    waves = {  # height in mV, place and width as parts of a beat
        "P": (0.15, 0.20, 0.025),
        "Q": (-0.15, 0.36, 0.010),
        "R": (1.20, 0.38, 0.010),
        "S": (-0.30, 0.40, 0.010),
        "T": (0.30, 0.62, 0.050),
    }
    return sum(h * np.exp(-(((phase - at) / width) ** 2) / 2) for h, at, width in waves.values())


def snr(signal, received):
    """Power of the signal over power of the rest, in dB."""
    return 10 * np.log10(np.mean(signal**2) / np.mean((received - signal) ** 2))


def draw(folder, time, signal, primary, cleaned, path, learned):
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        print(f'No picture: {error}. To get one: pip install ".[examples]"')
        return
    plt.switch_backend("Agg")

    blue, orange, black, grey = "#0072B2", "#D55E00", "#222222", "#999999"
    plt.rcParams.update({"font.size": 11, "axes.spines.top": False, "axes.spines.right": False})
    figure = plt.figure(figsize=(11, 6.6), layout="constrained")
    rows = [["before", "filter"], ["learning", "filter"], ["after", "snr"]]
    axes = figure.subplot_mosaic(rows, width_ratios=[1.5, 1])

    first, last = time < 4, time >= SECONDS - 4
    for name, part, received, label, color, title in (
        ("before", first, primary, "sensor 1", grey, "Before: the heartbeat is lost in noise"),
        ("learning", first, cleaned, "cleaned", blue, "The same seconds: the Adaline is learning"),
        ("after", last, cleaned, "cleaned", blue, "After: it has taken the noise out"),
    ):
        ax = axes[name]
        ax.plot(time[part], received[part], color=color, lw=1.2, label=label)
        ax.plot(time[part], signal[part], color=black, lw=1.3, ls="--", label="true heartbeat")
        ax.set(title=title, ylabel="voltage (mV)", ylim=(-2.9, 2.3), xlim=time[part][[0, -1]])
        ax.legend(frameon=False, loc="lower right", ncols=2)
    axes["after"].set_xlabel("time (s)")

    ax = axes["filter"]
    ax.set(title="It has learned the noise's way to sensor 1", xlabel="delay (samples)")
    ax.set(ylabel="weight")
    ax.vlines(range(len(path)), 0, path, color=grey, lw=1)
    ax.plot(path, "o", ms=9, mfc="none", mec=orange, mew=1.5, label="true filter")
    ax.plot(learned, "o", ms=4, color=blue, label="Adaline's weights")
    ax.legend(frameon=False)

    ax = axes["snr"]
    seconds = range(SECONDS)
    ax.set(title="The signal rises out of the noise", xlabel="time (s)", ylabel="SNR (dB)")
    for received, color, label in ((cleaned, blue, "cleaned"), (primary, grey, "sensor 1")):
        ratios = [snr(signal[t * RATE :][:RATE], received[t * RATE :][:RATE]) for t in seconds]
        ax.plot(seconds, ratios, color=color, lw=2, label=label)
    ax.legend(frameon=False)

    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "adaline_noise_canceller.png", dpi=130)
    print(f"picture: {folder / 'adaline_noise_canceller.png'}")


if __name__ == "__main__":
    main()
