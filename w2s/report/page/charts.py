"""Charts as inline SVG, drawn by matplotlib: bars with intervals, columns, points, lines and spans of time.

Colours are CSS variables, so that a chart follows light, dark and print; text is text, in the page's font. Matplotlib
is imported here alone and late, because it takes half a second.
"""

import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from html import escape
from io import StringIO
from pathlib import Path
from typing import Any

from w2s.report.terminal import printable

INK, FAINT, BAR, REFERENCE, LIMIT, THIRD = (f"#00000{number}" for number in range(1, 7))
COLOURS = {INK: "ink", FAINT: "faint", BAR: "bar", REFERENCE: "reference", LIMIT: "limit", THIRD: "third"}
"""What is drawn in these colours becomes `var(--name)`; style.css says which colour that is."""
STYLE = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "w2s",  # equal reports have equal bytes
    "text.parse_math": False,  # a dollar sign is a dollar sign
    "font.family": "sans-serif",
    "font.size": 10.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "ytick.left": False,
    "legend.frameon": False,
}
NARROW, WIDE = 380, 880
"""Widths in pixels: of a phone, and of the page's column."""
Draw = Callable[[Any], None]
"""Draws into a matplotlib Axes."""


def chart(draw: Draw, height: float, label: str, width: float = NARROW) -> str:
    """One SVG of these pixels; `label` is what it says to those who do not see it."""
    matplotlib: Any = importlib.import_module("matplotlib")  # its types are known in part only
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        drawn: Any = Figure(figsize=(width / 72, height / 72), layout="constrained")
        drawn.patch.set_visible(False)
        FigureCanvasSVG(drawn)
        draw(drawn.add_subplot())
        buffer = StringIO()
        drawn.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return _inline(buffer.getvalue(), label, width)


def alone(svg: str) -> str:
    """A chart as a file of its own, with the page's colours, light and dark."""
    light, dark, _ = re.findall(r":root \{(.*?)\}", Path(__file__).with_name("style.css").read_text(), re.DOTALL)
    style = f"<style>:root{{{_used(light)}}}@media(prefers-color-scheme:dark){{:root{{{_used(dark)}}}}}</style>"
    head, _, rest = svg.partition(">")
    return f'{head} xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">{style}{rest}\n'


def _used(variables: str) -> str:
    """Those variables of a `:root` of style.css that charts use."""
    return "".join(found[0] for found in re.finditer(r"--(\w+): (#\w+);", variables) if found[1] in COLOURS.values())


def _inline(svg: str, label: str, width: float) -> str:
    """Matplotlib's file as an element of the page: no header, metadata, style or font of its own."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", svg, flags=re.DOTALL)
    box = re.search(r'viewBox="[^"]*"', svg)
    assert box is not None, "matplotlib's SVG has a viewBox"
    size = f'style="max-width:{width:.0f}px"'
    svg = f'<svg role="img" aria-label="{escape(label)}" {box[0]} {size}>' + svg[svg.index(">") + 1 :]
    svg = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", svg)
    for colour, name in COLOURS.items():
        svg = svg.replace(colour, f"var(--{name})")
    return re.sub(r"\n\s*", "\n", svg).strip()


def intervals(
    rows: Sequence[tuple[str, float, float | None, float | None, bool]], limits: Mapping[str, float], label: str
) -> str:
    """Horizontal bars in per cent with their intervals: (name, value, low, high, whether it is a reference)."""

    def draw(axes: Any) -> None:
        places = range(len(rows))
        colours = [REFERENCE if row[4] else BAR for row in rows]
        axes.barh(places, [100 * row[1] for row in rows], color=colours, height=0.62)
        for place, (_, _, low, high, _) in zip(places, rows, strict=True):
            if low is not None and high is not None:
                axes.plot([100 * low, 100 * high], [place, place], color=INK, linewidth=1, marker="|", markersize=5)
        for name, value in limits.items():
            axes.axvline(100 * value, color=LIMIT, linewidth=1, linestyle=(0, (4, 3)))
            axes.text(100 * value, -0.85, name, color=LIMIT, ha="center", va="bottom")
        axes.set_yticks(places, [printable(row[0]) for row in rows])
        axes.set_ylim(len(rows) - 0.5, -1.4 if limits else -0.6)
        axes.grid(axis="y", visible=False)
        axes.xaxis.set_major_formatter(_percent)

    return chart(draw, 44 + 22 * len(rows), label)


def differences(rows: Sequence[tuple[str, float, float, float, bool]], zero: str, label: str) -> str:
    """Dots in points with their intervals beside a line at 0, which is `zero`: (name, value, low, high, whether it is a
    reference)."""

    def draw(axes: Any) -> None:
        for place, (_, value, low, high, is_reference) in enumerate(rows):
            colour = REFERENCE if is_reference else BAR
            axes.plot([100 * low, 100 * high], [place, place], color=colour, linewidth=2)
            axes.plot([100 * value], [place], color=colour, marker="o", markersize=6)
        axes.axvline(0, color=LIMIT, linewidth=1, linestyle=(0, (4, 3)))
        axes.text(0, -0.85, printable(zero), color=LIMIT, ha="center", va="bottom")
        axes.set_yticks(range(len(rows)), [printable(row[0]) for row in rows])
        axes.set_ylim(len(rows) - 0.5, -1.4)
        axes.grid(axis="y", visible=False)
        axes.xaxis.set_major_formatter(_signed)

    return chart(draw, 44 + 22 * len(rows), label)


def columns(bins: Mapping[str, float], xlabel: str, label: str, unit: str = "problems") -> str:
    """Upright columns, one a bin, with their numbers."""

    def draw(axes: Any) -> None:
        bars = axes.bar(range(len(bins)), list(bins.values()), color=BAR, width=0.8)
        axes.bar_label(bars, [f"{value:,.0f}" for value in bins.values()], padding=2, color=INK)
        axes.set_xticks(range(len(bins)), [name.replace(" to ", "-") for name in bins])
        if len(bins) > 6:
            axes.tick_params(axis="x", labelrotation=45)
        axes.set_xlabel(xlabel)
        axes.set_ylabel(unit)
        axes.grid(axis="x", visible=False)
        axes.margins(y=0.12)

    return chart(draw, 210, label)


def calibration(points: Sequence[tuple[float, float, float]], xlabel: str, ylabel: str, label: str) -> str:
    """(predicted, observed, how many) in 0..1 beside the diagonal; a larger dot is of more problems."""

    def draw(axes: Any) -> None:
        axes.plot([0, 100], [0, 100], color=REFERENCE, linewidth=1, linestyle=(0, (4, 3)))
        most = max(count for _, _, count in points)
        xs, ys = [100 * x for x, _, _ in points], [100 * y for _, y, _ in points]
        axes.plot(xs, ys, color=BAR, linewidth=1)
        axes.scatter(xs, ys, s=[14 + 60 * count / most for _, _, count in points], color=BAR, zorder=3)
        axes.set_xlim(0, 104)
        axes.set_ylim(0, 104)
        axes.set_xlabel(xlabel)
        axes.set_ylabel(ylabel)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(_percent)

    return chart(draw, 210, label)


def line(points: Sequence[Sequence[float]], title: str, label: str) -> str:
    """One small curve."""

    def draw(axes: Any) -> None:
        xs, ys = [point[0] for point in points], [point[1] for point in points]
        axes.plot(xs, ys, color=BAR, linewidth=1.3, marker="." if len(xs) < 3 else "")
        axes.set_title(printable(title), fontsize=10.5, loc="left")
        axes.set_ylim(min(0.0, *ys), None)
        if len(xs) == 1:  # else the axis spans a tenth of a step
            axes.set_xlim(xs[0] - 1, xs[0] + 1)
        axes.xaxis.get_major_locator().set_params(integer=True, nbins=4)
        axes.yaxis.get_major_locator().set_params(nbins=4)

    return chart(draw, 130, label, width=210)


def stairs(steps: Sequence[tuple[str, float]], label: str) -> str:
    """A funnel: horizontal bars of ever fewer rows, each with its number and its share of the first."""

    def draw(axes: Any) -> None:
        values = [value for _, value in steps]
        bars = axes.barh(range(len(steps)), values, color=BAR, height=0.7)
        texts = [
            f"{value:,.0f}" + (f"  {value / values[0]:.1%}" if values[0] and i else "")
            for i, value in enumerate(values)
        ]
        axes.bar_label(bars, texts, padding=4, color=INK)
        axes.set_yticks(range(len(steps)), [name for name, _ in steps])
        axes.invert_yaxis()
        axes.xaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)
        axes.grid(visible=False)
        axes.margins(x=0.28)

    return chart(draw, 24 + 22 * len(steps), label)


def spans(
    rows: Sequence[tuple[str, float, float, float, str]], gaps: Sequence[float], legend: Mapping[str, str], label: str
) -> str:
    """(name, ready, start, end, kind) over time, once for a phone and once for the page's column.

    A thin line from `ready` to `start` is waiting. `legend` gives each kind its colour, `gaps` are cuts.
    """

    def draw(axes: Any) -> None:
        from matplotlib.patches import Patch

        last = max(row[3] for row in rows)
        for place, (_, ready, start, end, kind) in enumerate(rows):
            if start > ready:
                axes.plot([ready, start], [place, place], color=REFERENCE, linewidth=1)
            axes.barh(place, max(end - start, last / 250), left=start, color=legend[kind], height=0.66)
        for gap in gaps:
            axes.axvline(gap, color=LIMIT, linewidth=1, linestyle=(0, (2, 2)))
        axes.set_yticks(range(len(rows)), [printable(row[0]) for row in rows], fontsize=9)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlabel("minutes" if last < 7200 else "hours")
        unit = 60 if last < 7200 else 3600
        axes.xaxis.set_major_formatter(partial(_in_units, unit))
        axes.xaxis.set_major_locator(_multiples(unit))
        axes.grid(axis="y", visible=False)
        axes.set_xlim(left=0)
        patches = [Patch(color=colour, label=kind) for kind, colour in legend.items()]
        # Of the figure, because a legend of the axes would squeeze them on a phone.
        axes.figure.legend(handles=patches, loc="outside upper left", ncols=len(patches), columnspacing=1)

    height = 60 + 16 * len(rows)
    return "".join(
        f'<div class="{kind}">{chart(draw, height, label, width)}</div>'
        for kind, width in (("only-narrow", NARROW), ("only-wide", WIDE))
    )


def _signed(value: float, _: int) -> str:
    return f"{value:+g}" if value else "0"


def _percent(value: float, _: int) -> str:
    """A tick at a share in per cent."""
    return f"{value:.0f} %"


def _in_units(unit: float, value: float, _: int) -> str:
    """A tick at some seconds, in minutes or hours."""
    return f"{value / unit:g}"


def _multiples(unit: float) -> Any:
    from matplotlib.ticker import MaxNLocator

    class Units(MaxNLocator):
        """Ticks at round numbers of minutes or hours."""

        def tick_values(self, vmin: float, vmax: float) -> Any:
            return [unit * value for value in super().tick_values(vmin / unit, vmax / unit)]

    return Units(nbins=8, integer=True)
