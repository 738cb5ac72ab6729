"""One measured quantity over time, and whether it still grows."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import fmean, linear_regression

WARM_UP = 0.4
"""The part of the time that is not judged: caches fill, pools open, heaps find their size."""


@dataclass
class Series:
    """Values by seconds since the start; `least` is a growth too small to be told from noise."""

    name: str
    unit: str
    least: float
    share: float = 0.03
    """Growth over the judged time that is allowed, of the mean."""
    points: list[tuple[float, float]] = field(default_factory=list)

    @property
    def judged(self) -> list[tuple[float, float]]:
        begin = self.points[-1][0] * WARM_UP
        return [point for point in self.points if point[0] >= begin]

    @property
    def slope(self) -> float:
        """Growth a minute after the warm-up, by least squares."""
        seconds, values = zip(*self.judged, strict=True)
        return linear_regression(seconds, values).slope * 60

    @property
    def growth(self) -> float:
        """What the slope comes to over the whole judged time."""
        judged = self.judged
        return self.slope * (judged[-1][0] - judged[0][0]) / 60

    @property
    def allowed(self) -> float:
        return max(self.least, self.share * fmean(value for _, value in self.judged))

    @property
    def flat(self) -> bool:
        return self.growth <= self.allowed

    def line(self) -> str:
        """First, after the warm-up, last, slope a minute, and the verdict."""
        values = self.points[0][1], self.judged[0][1], self.points[-1][1]
        columns = " ".join(f"{value:8.1f}" for value in values)
        word = "flat" if self.flat else f"GROWS: {self.growth:.1f}, allowed {self.allowed:.1f}"
        return f"{self.name:<34}{columns} {self.slope:+9.2f}  {word}"
