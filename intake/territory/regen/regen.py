"""Rebuilds `../data` from three public packages. Run twice, it writes the same bytes.

    python -m venv venv && venv/bin/pip install -r requirements.txt
    npm pack italian-locations@1.2.1
    venv/bin/python regen.py italian-locations-1.2.1.tgz
"""

import sys
from collections import defaultdict
from pathlib import Path

import numpy
import shapely

import boundaries
import history
import sources
from packing import Packer

DATA = Path(__file__).resolve().parent.parent / "data"


def write_places(comuni, shapes, path):
    """Regions, provinces, comuni; the coordinates are the centroid of the territory in steps of 0.0001 degrees."""
    provinces, regions = sources.provinces()
    packer = Packer()
    packer.count(len(regions))
    for code, name in regions:
        packer.count(code)
        packer.text(name)
    packer.count(len(provinces))
    for code, sigla, name, region in provinces:
        packer.count(code)
        packer.count(region)
        packer.text(sigla)
        packer.text(name)
    siglas = {code: sigla for code, sigla, _, _ in provinces}
    packer.count(len(comuni))
    for code, row in comuni.items():
        assert row["sigla_provincia"] == siglas[code // 1000], row
        x, y = shapely.get_coordinates(shapely.centroid(shapes[code]))[0] * boundaries.STEPS
        packer.count(code)
        packer.belfiore(row["codice_belfiore"])
        packer.count(round(x * 10_000))
        packer.count(round(y * 10_000))
        packer.text(row["denominazione_ita"].strip())
        packer.text(row["denominazione_altra"].strip())
    packer.write(path)


def write_population(comuni, population, path):
    """The years, then per comune (0 when unknown, else 1) and sex: the ages of the first year one by one, then each later
    year as the difference from the same people a year younger a year before (ages 0 and 100 from the same age)."""
    packer = Packer()
    packer.count(len(sources.YEARS))
    for year in sources.YEARS:
        packer.count(year)
    packer.count(len(comuni))
    for code in comuni:
        packer.count(code)
        cells = population.get(code)
        packer.count(cells is not None)
        if cells is None:
            continue
        for sex in (0, 1):
            for value in cells[0, sex]:
                packer.count(value)
            for y in range(1, len(sources.YEARS)):
                before = cells[y - 1, sex]
                expected = numpy.concatenate((before[:1], before[:99], before[100:]))
                for value in cells[y, sex] - expected:
                    packer.signed(value)
    packer.write(path)


def merged(comuni, by_old_code, combine, current_code):
    """Values by yesterday's ISTAT codes to values by today's: the parts of a merged comune are combined."""
    today = {row["codice_belfiore"]: code for code, row in comuni.items()}
    belfiore = sources.belfiore_by_old_istat()
    parts = defaultdict(list)
    for code, value in sorted(by_old_code.items()):
        current = current_code(belfiore[code])
        assert current is not None, (code, belfiore[code])
        if today[current] != code:
            print(f"{code:06} becomes {today[current]:06}")
        parts[today[current]].append(value)
    return {code: values[0] if len(values) == 1 else combine(values) for code, values in sorted(parts.items())}


def main(italian_locations):
    DATA.mkdir(exist_ok=True)
    comuni = sources.comuni(italian_locations)
    names = {row["codice_belfiore"]: row["denominazione_ita"] for row in comuni.values()}
    italian, foreign = sources.belfiore_rows()
    spells = history.spells(italian + foreign, names)
    successors = history.successors(spells)
    history.write(history.joined(spells), successors, Packer(), DATA / "history.bin")

    def current_code(belfiore):
        return history.current_code(belfiore, successors, names)

    shapes = merged(comuni, boundaries.cleaned(sources.shapes()), shapely.union_all, current_code)
    assert list(shapes) == list(comuni)
    write_places(comuni, shapes, DATA / "places.bin")
    boundaries.write(shapes, Packer(), DATA / "boundaries.bin")
    population = merged(comuni, sources.population(), sum, current_code)
    assert set(population) <= set(comuni)
    print("without population:", [comuni[c]["denominazione_ita"] for c in comuni if c not in population])
    write_population(comuni, population, DATA / "population.bin")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
