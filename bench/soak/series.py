"""One measured quantity over time, and whether it still grows."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import fmean, linear_regression

WARM_UP = 0.4
"""Share of the time that is not checked, in which caches fill and pools open."""


@dataclass
class Series:
    """Values over the seconds since the start; growth up to `noise` is ignored."""

    name: str
    unit: str
    noise: float
    share: float = 0.03
    """Growth that is allowed over the checked time, as a share of the mean."""
    points: list[tuple[float, float]] = field(default_factory=list)

    @property
    def checked(self) -> list[tuple[float, float]]:
        start = self.points[-1][0] * WARM_UP
        return [point for point in self.points if point[0] >= start]

    @property
    def slope(self) -> float:
        """Growth per minute after the warm-up, by least squares."""
        seconds, values = zip(*self.checked, strict=True)
        return linear_regression(seconds, values).slope * 60

    @property
    def growth(self) -> float:
        """Growth over the whole checked time, by the slope."""
        checked = self.checked
        return self.slope * (checked[-1][0] - checked[0][0]) / 60

    @property
    def allowed(self) -> float:
        return max(self.noise, self.share * fmean(value for _, value in self.checked))

    @property
    def flat(self) -> bool:
        return self.growth <= self.allowed

    def line(self) -> str:
        """The first value, the one after the warm-up, the last, the slope, and the result."""
        values = self.points[0][1], self.checked[0][1], self.points[-1][1]
        columns = " ".join(f"{value:8.1f}" for value in values)
        result = "flat" if self.flat else f"GROWS: {self.growth:.1f}, allowed {self.allowed:.1f}"
        return f"{self.name:<34}{columns} {self.slope:+9.2f}  {result}"
