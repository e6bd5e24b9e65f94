#!/usr/bin/env python3
"""What is left of an Ente's counts when up to three filters may be combined freely: consistent suppression beside cell-key noise.

Usage: filters.py ASSESSMENTS.csv SCORES.csv FILTERS. The two files come from `noncello warehouse query` (../disclosure.md says
with which SELECT); FILTERS is how many filters a view may have besides the year. Needs numpy. The figures are in ../disclosure.md.

A view is a year (or all of them, everybody once, as last found), a value for each filter, and an outcome (three levels and the
profile) with its categories and their total. A cell is one count of people in a view. The categories of each filter sum to the
view without it, those of the outcome to the total: these are the lines that a reader adds and subtracts along.

Suppression: counts under 5 are hidden, zeros too; then, until nothing changes, on each line the smallest shown cell is hidden
beside a hidden one that is alone or that sums with the others to less than 5, and wherever bounds propagated over all lines
still place a hidden cell in 0 to 4. That is what suppression keeps at most: linear programming could find more to hide, never less.

Noise: each person has a random key; a cell's key, the sum of its people's, draws its noise from a table of greatest entropy with
no bias, the given variance, at most 10 either way, zeros kept, and nothing shown between 1 and 2. The same people have the same
noise in every view. The attack averages: a cell is also the total less its siblings, once along each line it is on. Told which
cells have 1 to 4 people, it names the likeliest number for each, by what averaging gives and by how many cells have each number.
"""

import csv
import itertools
import sys
from collections import defaultdict

import numpy as np

THRESHOLD = 5
CHARACTERISTICS = ["comune", "sex", "age_band", "education", "citizenship", "household", "work"]


def read(assessments: str, scores: str) -> tuple[list[dict], dict[str, list[str]], dict[str, list[str]]]:
    """Everybody's last assessment of each year, and of all years as year `all`."""
    levels: dict[str, dict[str, str]] = defaultdict(dict)
    for row in csv.DictReader(open(scores, encoding="utf-8")):
        levels[row["assessment_id"]][row["scale"]] = row["level"]
    last: dict[tuple[str, str], dict] = {}
    for row in csv.DictReader(open(assessments, encoding="utf-8")):
        row |= levels[row["assessment_id"]]
        for year in (row["year"], "all"):
            known = last.get((row["pseudonym"], year))
            if known is None or (known["assessed_on"], known["assessment_id"]) < (row["assessed_on"], row["assessment_id"]):
                last[row["pseudonym"], year] = row
    people = [row | {"year": year} for (_, year), row in last.items()]
    outcomes = ["profile", *sorted({scale for of in levels.values() for scale in of})]
    values = lambda names: {name: sorted({row[name] or "nv" for row in people}) for name in names}
    return people, values(CHARACTERISTICS), values(outcomes)


class Views:
    """All cells of all views, numbered, with the lines that tie them."""

    def __init__(self, people, categories, outcomes, filters, keys) -> None:
        years = sorted({row["year"] for row in people})
        chosen = [names for size in range(filters + 1) for names in itertools.combinations(CHARACTERISTICS, size)]
        self.start, shapes, total = {}, {}, 0
        for names in chosen:
            for outcome, found in outcomes.items():
                shape = (len(years), *(len(categories[name]) for name in names), len(found) + 1)
                self.start[names, outcome], shapes[names, outcome] = total, shape
                total += int(np.prod(shape))
        self.counts, self.keys = np.zeros(total, np.int64), np.zeros(total)
        place = {name: {value: at for at, value in enumerate(found)} for name, found in (categories | outcomes).items()}
        place["year"] = {year: at for at, year in enumerate(years)}
        columns = {name: np.array([place[name][row[name] or "nv"] for row in people]) for name in [*CHARACTERISTICS, *outcomes, "year"]}
        person_key = np.array([keys[row["pseudonym"]] for row in people])
        for (names, outcome), shape in shapes.items():
            at = self.start[names, outcome]
            axes = [columns["year"], *(columns[name] for name in names)]
            for last in (columns[outcome], np.full(len(people), shape[-1] - 1)):
                index = at + np.ravel_multi_index([*axes, last], shape)
                np.add.at(self.counts, index, 1)
                np.add.at(self.keys, index, person_key)
        # A line: its total, and the cells that sum to it.
        self.lines: list[tuple[np.ndarray, np.ndarray]] = []
        for (names, outcome), shape in shapes.items():
            grid = self.start[names, outcome] + np.arange(int(np.prod(shape))).reshape(shape)
            self.lines.append((grid[..., -1].ravel(), grid[..., :-1].reshape(-1, shape[-1] - 1)))
            for axis, name in enumerate(names):
                above = tuple(other for other in names if other != name)
                parent = self.start[above, outcome] + np.arange(int(np.prod(shapes[above, outcome]))).reshape(shapes[above, outcome])
                children = np.moveaxis(grid, axis + 1, -1)
                self.lines.append((parent.ravel(), children.reshape(-1, children.shape[-1])))


def suppress(views: Views) -> tuple[np.ndarray, int]:
    """Which cells are hidden, and in how many rounds."""
    counts = views.counts
    hidden = counts < THRESHOLD
    # The total first.
    lines = [np.concatenate([totals[:, None], children], axis=1) for totals, children in views.lines]

    def hide_smallest(cells: np.ndarray, wanted: np.ndarray) -> None:
        smallest = np.where(hidden[cells], np.iinfo(np.int64).max, counts[cells]).argmin(1)
        hidden[cells[wanted, smallest[wanted]]] = True

    for rounds in itertools.count(1):
        before = hidden.sum()
        for cells in lines:
            while True:
                shut = hidden[cells]
                number = shut.sum(1)
                # Where the total is shown a reader computes the sum of what is hidden.
                known = np.where(shut[:, 1:], counts[cells[:, 1:]], 0).sum(1)
                weak = (number == 1) | ((number > 1) & ~shut[:, 0] & (known < THRESHOLD) & (known > 0))
                weak &= (~shut).any(1)
                if not weak.any():
                    break
                hide_smallest(cells, weak)
        exposed = propagate(views, hidden)
        for cells in lines:
            hide_smallest(cells, exposed[cells].any(1) & (~hidden[cells]).any(1))
        if hidden.sum() == before:
            return hidden, rounds


def propagate(views: Views, hidden: np.ndarray) -> np.ndarray:
    """Hidden cells that bounds over the lines place in 0 to 4, which a reader then knows to be few."""
    low = np.where(hidden, 0, views.counts).astype(np.float64)
    high = np.where(hidden, views.counts.max() * 2.0, views.counts)
    for _ in range(6):
        for totals, children in views.lines:
            low_sum, high_sum = low[children].sum(1), high[children].sum(1)
            np.maximum.at(low, totals, low_sum)
            np.minimum.at(high, totals, high_sum)
            up = high[totals][:, None] - (low_sum[:, None] - low[children])
            down = low[totals][:, None] - (high_sum[:, None] - high[children])
            np.minimum.at(high, children.ravel(), up.ravel())
            np.maximum.at(low, children.ravel(), np.maximum(down, 0).ravel())
    return hidden & (high < THRESHOLD)


def noise_table(variance: float, most: int = 10, hole: int = 2) -> list[np.ndarray]:
    """For each count up to `most + hole`, then for all larger ones: probabilities of what is added, -most to most."""
    added = np.arange(-most, most + 1)
    tables = []
    for count in range(most + hole + 1):
        shown = count + added
        allowed = (shown >= 0) & ~((shown >= 1) & (shown <= hole)) if count else added == 0
        # Greatest entropy under no bias and the variance: exp(a d - b d²); b by bisection where the variance can be reached, a within.
        def of(b):
            lo, hi = -60.0, 60.0
            for _ in range(200):
                a = (lo + hi) / 2
                weights = np.where(allowed, a * added - b * added**2, -np.inf)
                p = np.exp(weights - weights.max())
                p /= p.sum()
                lo, hi = (a, hi) if (p * added).sum() < 0 else (lo, a)
            return p
        lo, hi = -1.0, 30.0
        for _ in range(80):
            b = (lo + hi) / 2
            lo, hi = (b, hi) if (of(b) * added**2).sum() > variance else (lo, b)
        tables.append(of(hi))
    return tables


def perturb(views: Views, variance: float) -> np.ndarray:
    tables = noise_table(variance)
    sums = [np.cumsum(p) for p in tables]
    key = views.keys % 1.0
    shown = np.zeros_like(views.counts)
    which = np.minimum(views.counts, len(tables) - 1)
    for at, cumulated in enumerate(sums):
        of = which == at
        shown[of] = views.counts[of] + np.searchsorted(cumulated, key[of], side="right").clip(0, 20) - 10
    return np.where(views.counts == 0, 0, shown)


def average(views: Views, shown: np.ndarray, variance: float) -> tuple[np.ndarray, np.ndarray]:
    """The best guess of each cell from all lines that it is on, each weighed by how much noise is in it."""
    weight = np.full(len(shown), 1 / variance)
    guess = shown / variance
    for totals, children in views.lines:
        own = 1 / (variance * children.shape[1])
        sums = shown[children].sum(1)
        np.add.at(guess, totals, own * sums)
        np.add.at(weight, totals, own)
        np.add.at(guess, children.ravel(), (own * (shown[totals][:, None] - (sums[:, None] - shown[children]))).ravel())
        np.add.at(weight, children.ravel(), own)
    return guess / weight, weight


def likeliest(counts: np.ndarray, guess: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The likeliest of 1 to 4 for each cell."""
    numbers = np.arange(1, THRESHOLD)
    often = np.log([max((counts == number).mean(), 1e-9) for number in numbers])
    return numbers[(often - weight[:, None] / 2 * (guess[:, None] - numbers) ** 2).argmax(1)]


def main() -> None:
    people, categories, outcomes = read(sys.argv[1], sys.argv[2])
    chance = np.random.default_rng(1)
    keys = {name: chance.random() for name in sorted({row["pseudonym"] for row in people})}
    views = Views(people, categories, outcomes, int(sys.argv[3]), keys)
    counts = views.counts
    some, few = counts > 0, (counts > 0) & (counts < THRESHOLD)
    print(f"{len(keys)} people, up to {sys.argv[3]} filters: {len(counts):,} cells, {some.sum():,} with somebody, {few.sum():,} with 1 to 4")
    hidden, rounds = suppress(views)
    shown = some & ~hidden
    print(f"suppression: {100 * hidden.mean():.1f} % of cells hidden, {100 * (hidden & (counts >= THRESHOLD)).sum() / max((counts >= THRESHOLD).sum(), 1):.1f} % of those "
          f"with 5 or more; {100 * counts[shown].sum() / counts.sum():.1f} % of people counted are in cells shown; {rounds} rounds")
    for variance in (2.0, 4.0):
        noisy = perturb(views, variance)
        large = counts >= 20
        error = np.abs(noisy[large] - counts[large]) / counts[large]
        wrong = sum(int((noisy[totals] != noisy[children].sum(1)).sum()) for totals, children in views.lines)
        lines = sum(len(totals) for totals, _ in views.lines)
        gap = np.concatenate([np.abs(noisy[totals] - noisy[children].sum(1)) for totals, children in views.lines])
        guess, weight = average(views, noisy, variance)
        right = (likeliest(counts[few], guess[few], weight[few]) == counts[few]).mean()
        without = max((counts[few] == number).mean() for number in range(1, THRESHOLD))
        print(f"noise, variance {variance:.0f}: {100 * (noisy != counts).sum() / some.sum():.1f} % of cells with somebody are changed; cells of 20 or more by "
              f"{100 * error.mean():.1f} % on average; {100 * wrong / lines:.1f} % of lines do not add up, by {gap.mean():.1f} on average, {gap.max()} at most; "
              f"of cells with 1 to 4 the likeliest number is right for {100 * right:.1f} %, {100 * without:.1f} % without looking")


if __name__ == "__main__":
    main()
