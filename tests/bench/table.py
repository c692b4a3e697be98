"""Figures as a reader wants them: medians, spread, and how they stand to those beside them."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Figures:
    """What was measured of one target, a value a round."""

    name: str
    values: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)  # processor time for each answer, microseconds

    @property
    def median(self) -> float:
        return statistics.median(self.values)


@dataclass(frozen=True)
class Goal:
    """What the ratio of one target to another should be: at least, or at most."""

    of: str
    to: str
    least: float | None = None
    most: float | None = None

    def verdict(self, figures: dict[str, Figures]) -> str:
        """One line, or nothing where one of the two was not measured."""
        if self.of not in figures or self.to not in figures:
            return ""
        # Both were measured in the same minute, round by round: the ratio of each round is steadier than either.
        pairs = zip(figures[self.of].values, figures[self.to].values, strict=True)
        ratios = [mine / other for mine, other in pairs if other]
        if not ratios:
            return ""
        ratio = statistics.median(ratios)
        bound = f"at least {self.least}" if self.least is not None else f"at most {self.most}"
        is_met = ratio >= self.least if self.least is not None else ratio <= (self.most or 0.0)
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        return f"   {self.of} / {self.to} = {ratio:.2f} ({spread}), {bound}: {'met' if is_met else 'NOT MET'}"


def show(title: str, unit: str, measured: Sequence[Figures], goals: Sequence[Goal]) -> None:
    """Print one part."""
    print(f"\n{title}")
    for figures in measured:
        low, high = min(figures.values), max(figures.values)
        cpu = f"{statistics.median(figures.cpu_us):9,.0f} us of CPU each" if figures.cpu_us else ""
        print(f"   {figures.name:<18} {figures.median:>10,.0f} {unit:<10} ({low:,.0f} to {high:,.0f}) {cpu}")
    by_name = {figures.name: figures for figures in measured}
    for goal in goals:
        if verdict := goal.verdict(by_name):
            print(verdict)
