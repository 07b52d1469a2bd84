"""One picture per database: the memory of the four ways over time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.proof.measure import WAYS, Cell

LABELS = {
    "plain": "plain loop",
    "iterator": ".iterator(chunk_size=2000)",
    "keyset": "keyset_iterator, 2000",
    "paginator": "Paginator, 2000",
}

# Of a middle lightness, so that they stand out from a white page and from a dark one alike.
COLOURS = {"plain": "#d1495b", "iterator": "#2f7fd1", "keyset": "#1f9d6b", "paginator": "#b07d00"}
INK = "#79828c"

POINTS = 120
"""How many points a line has at most."""


def draw(title: str, cells: dict[str, Cell], path: Path) -> None:
    """Write an SVG picture (or a PNG one, by the name of the file); the same figures make the same file.

    Args:
        title: what stands above it.
        cells: by the names of the ways; the samples are drawn.
        path: the file to write.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    settings: Any = {
        "svg.hashsalt": "flake8-djq",
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "font.size": 10.5,
        "text.color": INK,
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "xtick.color": INK,
        "ytick.color": INK,
    }
    with pyplot.rc_context(settings):
        figure, axes = pyplot.subplots(figsize=(7.6, 3.7), layout="constrained")
        for way in WAYS:
            cell = cells[way]
            samples = [*thin(cell.samples, POINTS), (cell.seconds, cell.samples[-1][1])]
            times, memory = zip(*samples, strict=True)
            label = f"{LABELS[way]}: {cell.peak:.0f} MB, {cell.seconds:.1f} s"
            # The shorter a line, the further in front: lines of equal height then show one after the other.
            style: Any = {"color": COLOURS[way], "zorder": 3 + 1 / cell.seconds}
            axes.plot(times, memory, linewidth=2.2, label=label, gid=f"line-{way}", **style)
            axes.plot(times[-1], memory[-1], marker="o", markersize=5, **style)
        heading: Any = {"title": title, "title_fontsize": 12.5, "alignment": "left"}
        figure.legend(loc="outside upper left", ncols=2, frameon=False, **heading)
        axes.set_xlabel("seconds")
        axes.set_ylabel("MB above the idle process")
        axes.margins(x=0.02, y=0.04)
        axes.grid(axis="y", color=INK, alpha=0.25, linewidth=0.8)
        axes.spines[["top", "right", "bottom"]].set_visible(False)
        metadata: Any = {"Date": None, "Creator": None} if path.suffix == ".svg" else None
        pyplot.savefig(path, transparent=True, metadata=metadata)
        pyplot.close(figure)


def thin(samples: list[tuple[float, float]], most: int) -> list[tuple[float, float]]:
    """Fewer points of a line: the first, and of each stretch after it the highest, so that no peak is lost."""
    first, *rest = samples
    step = max(1, -(-len(rest) // (most - 1)))
    stretches = (rest[start : start + step] for start in range(0, len(rest), step))
    return [first, *(max(stretch, key=lambda sample: sample[1]) for stretch in stretches)]
