"""Counts every figure of the dashboards' files again, from the feed, by another path than theirs.

    python3 recount.py ROOT FEED RESIDENTS FILE...

ROOT is the project (definitions and words), FEED the events of one Ente as `plain_feed` writes them, RESIDENTS what it writes of
comuni; FILE are the CSV files of the pages of that Ente, all strumenti, periods and characteristics together. Every cell that
shows a figure must show the one counted here (of groups of similar needs: their sums must), and no count of fewer than five people may
be shown. Which comuni are the Ente's, and which cells are hidden, is read from the files. Prints, for each kind of
table, how many cells were compared and how many are hidden; ends with 1 when a cell differs, or a table is not known here.
"""

import csv
import datetime
import json
import math
import pathlib
import sys
import tomllib
from collections import Counter, defaultdict

import polars as pl
from scipy.stats import gamma, poisson

MARK = "n<5"
THRESHOLD = 5
ALL = "tutti gli anni"
POOL = "altre categorie con pochi casi, o dato non indicato"
Z = 1.959964
MOST = 60
BANDS = {"0_24": (18, 24), "25_34": (25, 34), "35_44": (35, 44), "45_54": (45, 54), "55_64": (55, 64), "65_plus": (65, 100)}
SIMPLE = ["age_band", "sex", "education", "citizenship", "household", "work"]


def tenths(value):
    return f"{'−' if value < 0 else ''}{abs(value) // 10},{abs(value) % 10}"


def rounded(value):
    return math.floor(abs(value) + 0.5) * (1 if value >= 0 else -1)


def permille(part, whole):
    return (2000 * part + whole) // (2 * whole)


def share(part, whole):
    return tenths(permille(part, whole))


def wilson(part, whole):
    p = part / whole
    middle, scale = p + Z * Z / (2 * whole), 1 + Z * Z / whole
    reach = Z * math.sqrt(p * (1 - p) / whole + Z * Z / (4 * whole * whole))
    return [tenths(rounded(1000 * min(max(end, 0), 1))) for end in ((middle - reach) / scale, (middle + reach) / scale)]


def with_interval(part, whole):
    low, high = wilson(part, whole)
    return f"{share(part, whole)} ({low}–{high})"


def hundredths(value):
    return f"{value:.2f}".replace("-", "−").replace(".", ",")


class Strumento:
    """A definition, read from its file."""

    def __init__(self, path):
        raw = tomllib.loads(path.read_text())
        self.id, self.version, self.title = raw["id"], raw["version"], raw["title"]
        self.days = raw.get("reassess_after_days")
        self.scales = [
            {"id": one["id"], "title": one["title"], "sem": one["reliability"]["sem_hundredths"],
             "levels": [(level["id"], level["title"]) for level in one.get("level", [])]}
            for one in raw["scale"]
        ]
        self.profile = [(one["id"], one["title"]) for one in raw["profile"]["class"]] if "profile" in raw else []
        self.profile_title = raw["profile"]["title"] if "profile" in raw else None
        self.items = [item for section in raw["section"] for item in section["item"]]
        self.blocks = {one["id"]: one for one in raw.get("block", [])}
        self.azioni = {one["id"]: one["title"] for one in raw["azione"]}
        self.proposals = defaultdict(set)
        for scale in raw["scale"]:
            for level in scale.get("level", []):
                self.proposals["level", scale["id"], level["id"]] |= set(level.get("azioni", []))
        for one in raw.get("profile", {}).get("class", []):
            self.proposals["class", None, one["id"]] |= set(one.get("azioni", []))
        for one in raw.get("block", []):
            self.proposals["block", None, one["id"]] |= set(one.get("azioni", []))

    def targets(self):
        """Title to (id, outcomes in words)."""
        found = {one["title"]: (one["id"], one["levels"]) for one in self.scales if one["levels"]}
        if self.profile:
            found[self.profile_title] = ("profile", self.profile)
        return found

    def low(self, item):
        """The answers that hold back: fewer than half of the points that the item can give, or a minimum condition missing."""
        values = [option["value"] for option in item["options"]]
        keys = item.get("keys", {})

        def points(option, scale):
            if scale in keys:
                return option["value"] - min(values) if keys[scale] == "forward" else max(values) - option["value"]
            return option.get("points", {}).get(scale, 0)

        scales = [one["id"] for one in self.scales]
        most = sum(max(points(option, scale) for option in item["options"]) for scale in scales)
        return {
            option["value"] for option in item["options"]
            if 2 * sum(points(option, scale) for scale in scales) < most or option.get("blocks")
        }


def sheets_of(feed, strumento):
    """The questionnaires of a strumento up to an event, one a row, in order of time."""
    rows = []
    outcomes = {}
    for event in feed:
        if event["event"] == "azione-recorded":
            outcomes[event["assessment"], event["azione"]] = event["outcome"]
        elif event["event"] != "validated":
            sys.exit(f"an event {event['event']} is not known here: the recount is of a demonstration that nobody has changed")
        elif event["instrument"] == strumento.id:
            rows.append(event)
    frame = pl.DataFrame([
        {
            "id": one["id"], "person": one["person"], "day": one["assessed_on"], "validated": one["validated_at"],
            "year": one["assessed_on"][:4], "quarter": 4 * int(one["assessed_on"][:4]) + (int(one["assessed_on"][5:7]) - 1) // 3,
            "comune": one["comune"], "age": one["age"], "sex": one["sex"], "education": one["education"],
            "citizenship": one["citizenship"], "household": one["household"], "work": one["work"],
            "disadvantage": one["disadvantage"], "is_disadvantage_known": one["disadvantage"] is not None,
            "blocks": one["blocks"], "azioni": one["azioni"], "version": one["version"],
            "profile": one["profile"] or "not_valid",
            **{f"level {score['scale']}": score["level"] if score["is_valid"] else "not_valid" for score in one["scores"]},
            **{f"points {score['scale']}": score["points"] for score in one["scores"]},
            **{f"reachable {score['scale']}": score["reachable"] for score in one["scores"]},
            **{f"valid {score['scale']}": score["is_valid"] for score in one["scores"]},
            **{f"answer {item['id']}": one["answers"].get(item["id"], -1) for item in strumento.items},
        }
        for one in rows
    ], infer_schema_length=None)
    bands = pl.when(pl.col("age").is_null()).then(None)
    for name, until in [("0_24", 25), ("25_34", 35), ("35_44", 45), ("45_54", 55), ("55_64", 65)]:
        bands = bands.when(pl.col("age") < until).then(pl.lit(name))
    frame = frame.with_columns(age_band=bands.otherwise(pl.lit("65_plus"))).sort("person", "day", "validated", "id")
    return frame.with_columns(
        place=pl.int_range(pl.len()).over("person"), count=pl.len().over("person"),
        first_year=pl.col("year").first().over("person"),
    ), outcomes


class Recount:
    def __init__(self, root, feed, residents):
        self.words = tomllib.loads((root / "templates/messages/terms.toml").read_text())
        self.feed, self.residents = feed, residents
        self.strumenti = {}
        for path in sorted((root / "intake/instruments").glob("*/*.toml")):
            one = Strumento(path)
            self.strumenti[one.title] = one
        self.codes = {one["name"]: code for code, one in residents.items()}
        self.compared, self.hidden, self.wrong = Counter(), Counter(), []
        self.of = {}
        self.shown_bands = {}

    def frame(self, strumento):
        if strumento.id not in self.of:
            self.of[strumento.id] = sheets_of(self.feed, strumento)
        return self.of[strumento.id]

    def latest(self, strumento, period):
        frame, _ = self.frame(strumento)
        within = frame if period == ALL else frame.filter(pl.col("year") == period)
        return within.group_by("person", maintain_order=True).last()

    def periods(self, strumento):
        return sorted(self.frame(strumento)[0]["year"].unique()) + [ALL]

    def check(self, where, shown, counted, people=None):
        """`people` are the counts that a figure must not tell when they are few."""
        kind = where[0]
        if shown == MARK:
            self.hidden[kind] += 1
            return
        self.compared[kind] += 1
        if shown != str(counted):
            self.wrong.append(f"{' / '.join(map(str, where))}: shown {shown}, counted {counted}")
        for few in [] if people is None else people:
            if few < THRESHOLD:
                self.wrong.append(f"{' / '.join(map(str, where))}: {shown} is of {few} people")

    # Every table of a file, by its title.

    def file(self, path):
        tables, notes = read(path)
        strumento = self.strumenti[notes["Strumento"]]
        page = path.name.split("-")[0]
        characteristic = {title: code for code, title in self.words["characteristic"].items()}.get(notes.get("Caratteristica", notes.get("Righe", "")))
        for title, header, rows in tables:
            context = Context(self, strumento, notes["Periodo"], notes, page, characteristic, title, header, rows)
            for matches, count in KINDS:
                if matches(context):
                    count(context)
                    break
            else:
                self.wrong.append(f"{path.name}: nobody counts the table {title!r} again")


class Context:
    def __init__(self, recount, strumento, period, notes, page, characteristic, title, header, rows):
        self.recount, self.strumento, self.period, self.notes = recount, strumento, period, notes
        self.page, self.characteristic, self.title, self.header, self.rows = page, characteristic, title, header, rows

    def latest(self, period=None):
        return self.kept(self.everybody(period))

    def everybody(self, period=None):
        return self.recount.latest(self.strumento, period or self.period)

    def kept(self, frame):
        """Those whom the filter in use leaves, if there is one."""
        if "Filtro" not in self.notes:
            return frame
        title, category = self.notes["Filtro"].split(": ", 1)
        codes = {title: code for code, title in self.recount.words["characteristic"].items()}
        return self.with_characteristic(codes[title]).of_category(frame, category, [])

    def check(self, row, column, counted, people=None, kind=None):
        """Checks a cell of a row by the number of its column."""
        where = (kind or f"{self.page}: {self.kind()}", self.strumento.title, self.period, self.title, row[0], self.header[column])
        self.recount.check(where, row[column], counted, people)

    def with_characteristic(self, characteristic):
        return Context(
            self.recount, self.strumento, self.period, self.notes, self.page, characteristic, self.title, self.header, self.rows)

    def kind(self):
        for scale in self.strumento.scales:
            self_title = (self.title or "numbers").replace(scale["title"], "a scale")
            if self_title != (self.title or "numbers"):
                return self_title.split("«")[0]
        return self.title or "numbers"

    def members(self, frame, head):
        """The people of a row of categories; `None` for the total."""
        if head == "Totale" or head == self.recount.words["dashboard"]["everybody"]:
            return frame
        return self.of_category(frame, head, [row[0] for row in self.rows])

    def of_category(self, frame, head, heads):
        of = self.characteristic
        code = {title: code for code, title in self.recount.words[of].items()}
        if of == "disadvantage":
            known = frame.filter(pl.col("is_disadvantage_known"))
            if code[head] == "none":
                return known.filter(pl.col("disadvantage").list.len() == 0)
            return known.filter(pl.col("disadvantage").list.contains(code[head]))
        if head == POOL:
            own = [code[one] for one in heads if one in code]
            return frame.filter(pl.col(of).is_null() | ~pl.col(of).is_in(own))
        return frame.filter(pl.col(of) == code[head])

    def of_comune(self, frame, head, heads):
        if head == "Totale":
            return frame
        codes = self.recount.codes
        if head.startswith("altri comuni"):
            # Those that stand on the page by themselves and are shown, or hidden for others' sake, are not in it.
            own = [codes[one] for one in heads if one in codes]
            return frame.filter(pl.col("comune").is_null() | ~pl.col("comune").is_in(own))
        return frame.filter(pl.col("comune") == codes[head])

    def outcomes(self, title):
        target, named = self.strumento.targets()[title]
        return target, {name: code for code, name in named} | {"Risposte insufficienti": "not_valid"}

    def column_of(self, target):
        return "profile" if target == "profile" else f"level {target}"

    def count_outcomes(self, row, members, title, start):
        """People, then of each outcome how many and which share."""
        target, codes = self.outcomes(title)
        whole = members.height
        self.check(row, start, whole, [whole])
        for column in range(start + 1, len(self.header), 2):
            name = self.header[column]
            part = members.filter(pl.col(self.column_of(target)) == codes[name]).height
            self.check(row, column, part, [part])
            if whole:
                self.check(row, column + 1, share(part, whole), [part, whole - part])


def quadro_numbers(of):
    frame = of.latest()
    everybody = of.latest(ALL)
    again = everybody.filter(pl.col("count") > 1).height
    for row in of.rows:
        name = row[0]
        if name == "Persone valutate":
            of.check(row, 1, frame.height, [frame.height])
            whole = of.everybody().height
            if row[2] != "–":
                of.check(row, 2, share(frame.height, whole), [frame.height, whole - frame.height])
        elif name.startswith("Valutate due volte"):
            of.check(row, 1, again, [again])
            of.check(row, 2, share(again, everybody.height), [again, everybody.height - again])
        elif name == "Da rivalutare":
            day = datetime.datetime.strptime(of.notes["Dati aggiornati il"][:10], "%d/%m/%Y").date()
            before = (day - datetime.timedelta(days=of.strumento.days)).strftime("%Y-%m")
            due = everybody.filter(pl.col("day").str.slice(0, 7) < before).height
            of.check(row, 1, due, [due])
            of.check(row, 2, share(due, everybody.height), [due, everybody.height - due])
        elif name.startswith("Valutate per la prima volta"):
            first = frame.filter(pl.col("first_year") == pl.col("year")).height
            of.check(row, 1, first, [first])
            of.check(row, 2, share(first, frame.height), [first, frame.height - first])
        else:
            of.recount.wrong.append(f"quadro: nobody counts {name!r} again")


def quadro_years(of):
    for row in of.rows:
        frame = of.latest(row[0])
        of.check(row, 1, frame.height, [frame.height])
        whole = of.everybody(row[0]).height
        for column, name in enumerate(of.header):
            if name == "% del totale":
                of.check(row, column, share(frame.height, whole), [frame.height, whole - frame.height])
            elif name == "Tutte le persone":
                of.check(row, column, whole, [whole])
            elif name == "Valutate per la prima volta" and row[column] != "–":
                of.check(row, column, first := frame.filter(pl.col("first_year") == pl.col("year")).height, [first])
            elif name == "Già valutate in anni prima" and row[column] != "–":
                known = frame.filter(pl.col("first_year") < pl.col("year")).height
                # Before the first year nobody can have been known: that nobody was says nothing.
                is_first = row[0] == of.recount.periods(of.strumento)[0]
                of.check(row, column, known, None if is_first else [known])
            elif name == "Questionari":
                sheets = of.recount.frame(of.strumento)[0]
                of.check(row, column, sheets.height if row[0] == ALL else sheets.filter(pl.col("year") == row[0]).height)


def median_tenths(frame, scale):
    valid = frame.filter(pl.col(f"valid {scale}") & (pl.col(f"reachable {scale}") > 0))
    values = sorted((1000 * valid[f"points {scale}"] // valid[f"reachable {scale}"]).to_list())
    return values[(len(values) + 1) // 2 - 1] if values else None


def quadro_medians(of):
    scales = {one["title"]: one["id"] for one in of.strumento.scales}
    for row in of.rows:
        found = {}
        for column, name in enumerate(of.header[1:], 1):
            if " − " in name:
                later, earlier = name.split(" − ")
                of.check(row, column, tenths(found[later] - found[earlier]))
            else:
                found[name] = median_tenths(of.latest(name), scales[row[0]])
                of.check(row, column, tenths(found[name]))


def by_period(of):
    for row in of.rows:
        of.count_outcomes(row, of.latest(row[0]), of.title, 1)


def by_category(of):
    title = of.title or of.notes["Misura"].split(": ")[0]
    for row in of.rows:
        members = of.members(of.latest(), row[0])
        of.count_outcomes(row, members, title, 1)
        if of.characteristic == "age_band":
            of.recount.shown_bands[of.strumento.id, of.period, row[0]] = row[1] != MARK


def pyramid(of):
    year = residents_year(of)
    own = own_comuni(of)
    frame = of.latest()
    everybody = frame.height
    code = {title: code for code, title in of.recount.words["age_band"].items()}
    adults = sum(people(of, comune, year, sex, *BANDS[band]) for comune in own for sex in "fm" for band in BANDS)
    for row in of.rows:
        band = code[row[0]]
        for place, sex in enumerate("fm"):
            here = frame.filter((pl.col("age_band") == band) & (pl.col("sex") == sex)).height
            living = sum(people(of, comune, year, sex, *BANDS[band]) for comune in own)
            of.check(row, 1 + 3 * place, here, [here])
            of.check(row, 2 + 3 * place, tenths(rounded(10_000 * living / adults)))
            of.check(row, 3 + 3 * place, tenths(rounded(10_000 * here / everybody)), [here])


def odds(of):
    scale = of.title.split(": «")[0]
    target, codes = of.outcomes(scale)
    lowest = of.strumento.targets()[scale][1][0][0]
    of = of.with_characteristic("disadvantage")
    frame = of.latest()
    none = of.of_category(frame, of.recount.words["disadvantage"]["none"], [])
    low = lambda members: members.filter(pl.col(f"level {target}") == lowest).height
    for row in of.rows:
        members = of.of_category(frame, row[0], [])
        of.check(row, 1, members.height, [members.height])
        a, n, b, m = low(members), members.height, low(none), none.height
        if row[0] == of.recount.words["disadvantage"]["none"]:
            of.check(row, 2, share(b, m), [b, m - b])
            of.check(row, 3, "1")
        elif n:
            of.check(row, 2, with_interval(a, n), [a, n - a])
            cells = [a, n - a, b, m - b]
            if min(cells) > 0:
                log = math.log(a * (m - b) / (b * (n - a)))
                error = math.sqrt(sum(1 / cell for cell in cells))
                low_end, high_end = (math.exp(log + sign * Z * error) for sign in (-1, 1))
                of.check(row, 3, f"{hundredths(math.exp(log))} ({hundredths(low_end)}–{hundredths(high_end)})", cells)
            else:
                of.check(row, 3, MARK)


def groups(of):
    """Of groups of similar needs the sums: that they are everybody, and that each question holds back as many in all of them together
    as it does at all. Who is in which is found by k-means, and not found again here."""
    everybody = of.latest(ALL).height
    if of.title.startswith("Gruppi"):
        sizes = [int(row[1]) for row in of.rows if row[1] != MARK]
        if len(sizes) == len(of.rows):
            of.check(["all", str(sum(sizes))], 1, everybody)
            of.recount.sizes[of.strumento.id] = sizes
        for row in of.rows:
            if row[1] != MARK:
                of.check(row, 2, share(int(row[1]), everybody), [int(row[1])])
        return
    texts = {item["text"]: item for item in of.strumento.items}
    asked = of.latest(ALL).filter(pl.col("version") == of.strumento.version)
    sizes = of.recount.sizes.get(of.strumento.id, [])
    for row in of.rows:
        item = texts[row[0]]
        part = asked.filter(pl.col(f"answer {item['id']}").is_in(list(of.strumento.low(item)))).height
        of.check(row, len(of.header) - 1, share(part, asked.height), [part, asked.height - part])
        shares = row[1:-1]
        if MARK in shares or len(shares) != len(sizes):
            continue
        # To the nearest person where a group has fewer than a thousand, and to a thousandth of its people else.
        held = [round(float(one.replace(",", ".")) * size / 100) for one, size in zip(shares, sizes)]
        near = sum(size // 1000 for size in sizes)
        kind = (f"comunita: {of.kind()}", of.strumento.title, of.period, of.title, row[0], "the sum over groups")
        of.recount.check(kind, str(part) if abs(sum(held) - part) <= near else str(sum(held)), part)
        for one, size in zip(held, sizes):
            if min(one, size - one) < THRESHOLD - size // 1000 - 1:
                of.recount.wrong.append(f"{row[0]}: {one} of {size} people of a group are told")


def items(of):
    texts = {item["text"]: item for item in of.strumento.items}
    for row in of.rows:
        item = texts[row[0]]
        low = of.strumento.low(item)
        for column, period in enumerate(of.header[1:], 1):
            asked = of.latest(period).filter(pl.col("version") == of.strumento.version)
            part = asked.filter(pl.col(f"answer {item['id']}").is_in(list(low))).height
            of.check(row, column, share(part, asked.height), [part, asked.height - part])


def items_by_disadvantage(of):
    texts = {item["text"]: item for item in of.strumento.items}
    of = of.with_characteristic("disadvantage")
    asked = of.latest(ALL).filter(pl.col("version") == of.strumento.version)
    for row in of.rows:
        item = texts[row[0]]
        for column, head in enumerate(of.header[1:], 1):
            members = of.members(asked, head)
            part = members.filter(pl.col(f"answer {item['id']}").is_in(list(of.strumento.low(item)))).height
            of.check(row, column, share(part, members.height), [part, members.height - part])


def block_count(frame, block):
    return frame.filter(pl.col("blocks").list.contains(block)).height


def blocks(of):
    ids = {one["title"]: code for code, one in of.strumento.blocks.items()}
    frame = of.latest()
    for row in of.rows:
        if row[0] == "Totale":
            of.check(row, 1, frame.height, [frame.height])
            continue
        part = block_count(frame, ids[row[0]])
        of.check(row, 1, part, [part])
        of.check(row, 2, share(part, frame.height), [part, frame.height - part])


def blocks_by_comune(of):
    ids = {one["title"]: code for code, one in of.strumento.blocks.items()}
    heads = [row[0] for row in of.rows]
    for row in of.rows:
        members = of.of_comune(of.latest(ALL), row[0], heads)
        of.check(row, 1, members.height, [members.height])
        for column, name in enumerate(of.header[2:], 2):
            part = block_count(members, ids[name])
            of.check(row, column, part, [part])


def first_level(of):
    frame = of.latest()
    for row in of.rows:
        members = of.members(frame, row[0])
        for column, name in enumerate(of.header[1:], 1):
            scale = name.split(": «")[0]
            target, levels = of.strumento.targets()[scale]
            part = members.filter(pl.col(f"level {target}") == levels[0][0]).height
            if members.height:
                of.check(row, column, share(part, members.height), [part, members.height - part])


def azioni(of):
    ids = {title: code for code, title in of.strumento.azioni.items()}
    frame, outcomes = of.recount.frame(of.strumento)
    rows = frame.sort("person", "place").to_dicts()
    within = [one for one in rows if of.period in (ALL, one["year"])]
    proposed, agreed, agreed_ever = Counter(), defaultdict(dict), defaultdict(dict)
    for one in of.latest().to_dicts():
        reasons = [("class", None, one["profile"])] + [("block", None, block) for block in one["blocks"]]
        reasons += [("level", scale["id"], one[f"level {scale['id']}"]) for scale in of.strumento.scales]
        found = set().union(*(of.strumento.proposals.get(reason, set()) for reason in reasons))
        proposed.update(found)
    for one in within:
        for azione in one["azioni"]:
            agreed[azione][one["person"]] = outcomes.get((one["id"], azione))
    for one in rows:
        for azione in one["azioni"]:
            agreed_ever[azione][one["person"]] = outcomes.get((one["id"], azione))
    names = {"Interrotta": "dropped", "Esito non ancora registrato": None, "Avviata": "under_way", "Conclusa": "completed"}
    for row in of.rows:
        azione = ids[row[0]]
        of.check(row, 1, proposed[azione], [proposed[azione]])
        of.check(row, 2, len(agreed[azione]), [len(agreed[azione])])
        for column, name in enumerate(of.header[3:], 3):
            wanted = names[name.split(",")[0]]
            part = sum(outcome == wanted for outcome in agreed_ever[azione].values())
            of.check(row, column, part, [part])


def change_of_each(of, scale):
    """How each person's index on a scale changed from the first valid result to the last, where the two can be compared."""
    valid = of.recount.frame(of.strumento)[0].filter(pl.col(f"valid {scale['id']}"))
    index = lambda one: 100 * one[f"points {scale['id']}"] / one[f"reachable {scale['id']}"]
    found = {}
    for rows in valid.partition_by("person"):
        first, last = rows.row(0, named=True), rows.row(-1, named=True)
        if rows.height < 2 or first["version"] != last["version"]:
            continue
        by = index(last) - index(first)
        is_real = abs(by) > 1.96 * scale["sem"] / 100 * math.sqrt(2)
        found[first["person"]] = "unchanged" if not is_real else "improved" if by > 0 else "worsened"
    return found


def changes(of):
    frame, _ = of.recount.frame(of.strumento)
    again = frame.filter(pl.col("count") > 1)["person"].n_unique()
    for row in of.rows:
        found = Counter(change_of_each(of, next(one for one in of.strumento.scales if one["title"] == row[0])).values())
        improved, worsened = found["improved"], found["worsened"]
        of.check(row, 1, again, [again])
        for column, part in zip((2, 4, 6), (improved, again - improved - worsened, worsened)):
            of.check(row, column, part, [part])
            of.check(row, column + 1, with_interval(part, again), [part, again - part])


def changes_by_disadvantage(of):
    each = change_of_each(of, next(one for one in of.strumento.scales if one["title"] == of.title.split(": ")[1]))
    of = of.with_characteristic("disadvantage")
    for row in of.rows:
        members = of.members(of.latest(ALL), row[0])
        again = members.filter(pl.col("count") > 1)
        found = Counter(each[person] for person in again["person"] if person in each)
        improved, worsened = found["improved"], found["worsened"]
        of.check(row, 1, again.height, [again.height])
        of.check(row, 2, share(again.height, members.height), [again.height, members.height - again.height])
        for column, part in zip((3, 4, 5), (improved, again.height - improved - worsened, worsened)):
            of.check(row, column, with_interval(part, again.height), [part, again.height - part])


def paths(of):
    scale = of.title.split(": ")[1]
    target, codes = of.outcomes(scale)
    frame = of.recount.frame(of.strumento)[0].filter(pl.col("count") > 1)
    ends = frame.group_by("person", maintain_order=True).agg(
        start=pl.col(f"level {target}").first(), end=pl.col(f"level {target}").last())
    for row in of.rows:
        for column, name in enumerate(of.header[1:], 1):
            here = ends
            if row[0] != "Totale":
                here = here.filter(pl.col("start") == codes[row[0]])
            if not name.startswith("Prima valutazione"):
                here = here.filter(pl.col("end") == codes[name])
            of.check(row, column, here.height, [here.height])


def returns(of):
    frame, _ = of.recount.frame(of.strumento)
    firsts = frame.filter(pl.col("place") == 0)
    for row in of.rows:
        name = row[0]
        if name == "Totale":
            here = firsts
        elif "trimestre" in name:
            here = firsts.filter(pl.col("quarter") == 4 * int(name.split()[2]) + int(name[0]) - 1)
        else:
            here = firsts.filter(pl.col("year") == name)
        again = here.filter(pl.col("count") > 1).height
        of.check(row, 1, here.height, [here.height])
        of.check(row, 2, again, [again])
        of.check(row, 3, with_interval(again, here.height), [again, here.height - again])


def times(of):
    frame, _ = of.recount.frame(of.strumento)
    quarters = frame.filter(pl.col("count") > 1).group_by("person", maintain_order=True).agg(
        pl.col("quarter").get(1) - pl.col("quarter").first())["quarter"].to_list()
    median = sorted(quarters)[(len(quarters) + 1) // 2 - 1]
    for row in of.rows:
        said = int(row[0].split()[-1])
        if said != median:
            of.recount.wrong.append(f"percorsi: the median is {median} quarters, not {said}")
        part = sum(one <= median if row[0].startswith("al massimo") else one > median for one in quarters)
        of.check(row, 1, part, [part])
        of.check(row, 2, share(part, len(quarters)), [part, len(quarters) - part])


def residents_year(of):
    years = sorted(int(year) for year in next(iter(of.recount.residents.values()))["by_year"])
    wanted = int(of.recount.periods(of.strumento)[-2] if of.period == ALL else of.period)
    return str(min(years, key=lambda year: (abs(year - wanted), year)))


def people(of, comune, year, sexes, low, high):
    by_sex = of.recount.residents[comune]["by_year"][year]
    return sum(sum(by_sex[sex][low:high + 1]) for sex in sexes)


def own_comuni(of):
    """The Ente's comuni: those of which the table of territorio has residents."""
    return of.recount.own[of.strumento.id]


def compared(of):
    """What the pages compare comuni by: of each that is shown its people and how many were to be expected by age."""
    year = residents_year(of)
    own = own_comuni(of)
    frame = of.latest()
    band_people = Counter(frame["age_band"].to_list())
    titles = of.recount.words["age_band"]
    is_shown = lambda band: of.recount.shown_bands.get((of.strumento.id, of.period, titles[band]), False)
    shown = [band for band in BANDS if is_shown(band)]
    rest = [band for band in BANDS if band not in shown]
    living = lambda comune, bands: sum(people(of, comune, year, "fm", *BANDS[band]) for band in bands)
    parts = [[band] for band in shown] + ([rest] if rest else [])
    rates = []
    for bands in parts:
        counted = sum(band_people[band] for band in bands) if bands != rest else frame.height - sum(band_people[band] for band in shown)
        rates.append((bands, counted / max(sum(living(comune, bands) for comune in own), 1)))
    expected = {}
    for name in of.recount.shown_comuni[of.strumento.id, of.period]:
        comune = of.recount.codes[name]
        expected[name] = sum(living(comune, bands) * rate for bands, rate in rates)
    observed = {name: frame.filter(pl.col("comune") == of.recount.codes[name]).height for name in expected}
    scaled = sum(observed.values()) / sum(expected.values()) if expected else 1
    expected = {name: one * scaled for name, one in expected.items()}
    aged = sum(people(of, of.recount.codes[name], year, "fm", 18, 64) for name in expected)
    return observed, expected, 1000 * sum(observed.values()) / aged


def estimate(value, low, high, times):
    value, low, high = (tenths(rounded(10 * one * times)) for one in (value, low, high))
    return f"{value} ({low}–{high})"


def territorio(of):
    year = residents_year(of)
    heads = [row[0] for row in of.rows]
    own = own_comuni(of)
    shown = [row[0] for row in of.rows if of.recount.codes.get(row[0]) in own and row[1] != MARK]
    of.recount.shown_comuni[of.strumento.id, of.period] = shown
    observed, expected, overall = compared(of)
    mean = sum(observed.values()) / sum(expected.values())
    spread = sum(e * (observed[name] / e - mean) ** 2 for name, e in expected.items()) / sum(expected.values())
    variance = max(spread - mean / (sum(expected.values()) / len(expected)), 0)
    # Comuni with few people in every period are counted with the others, and shown as hidden.
    alone = [row[0] for row in of.rows if row[0] in of.recount.codes and kept_alone(of, row[0])]
    by_level = next((place for place, name in enumerate(of.header) if name.endswith(" %")), None)
    for row in of.rows:
        name = row[0]
        members = of.of_comune(of.latest(), name, alone if name.startswith("altri") else heads)
        of.check(row, 1, members.height, [members.height])
        if by_level:
            of.count_outcomes(row, members, of.notes["Ambito"], 1)
        if name == "Totale":
            living = sum(people(of, comune, year, "fm", 18, 64) for comune in own)
        elif name in of.recount.codes:
            living = people(of, of.recount.codes[name], year, "fm", 18, 64)
        else:
            continue
        for column, title in enumerate(of.header):
            if row[column] == "–":
                continue
            if title.startswith("Residenti"):
                of.check(row, column, living)
            elif title.startswith("Persone ogni"):
                of.check(row, column, tenths((20_000 * members.height + living) // (2 * living)), [members.height])
            elif title.startswith("A parità") and name in expected:
                o, e = observed[name], expected[name]
                low = gamma.ppf(0.025, o) if o else 0
                of.check(row, column, estimate(o / e, low / e, gamma.ppf(0.975, o + 1) / e, overall), [o])
            elif title.startswith("Smussato") and name in expected:
                o, e = observed[name], expected[name]
                value, ends = mean, [mean, mean]
                if variance > 0:
                    shape, rate = mean * mean / variance + o, mean / variance + e
                    value, ends = shape / rate, [gamma.ppf(at, shape, scale=1 / rate) for at in (0.025, 0.975)]
                of.check(row, column, estimate(value, *ends, overall), [o])
            elif title.startswith("Indice mediano") and row[column] != MARK:
                scale = next(one["id"] for one in of.strumento.scales if one["title"] == title.split(": ")[1])
                of.check(row, column, tenths(median_tenths(members, scale)), [members.height - 5])


def kept_alone(of, name):
    """Twenty people at least in some period."""
    code = of.recount.codes[name]
    return any(
        of.latest(period).filter(pl.col("comune") == code).height >= 20 for period in of.recount.periods(of.strumento))


def funnel(of):
    observed, expected, _ = compared(of)

    def limits(e, outside):
        def limit(at):
            count = poisson.ppf(at, e)
            until, before = poisson.cdf(count, e), poisson.cdf(count - 1, e) if count >= 1 else 0
            return max(count - ((until - at) / (until - before) if until > before else 0), 0) / e
        return limit(outside), limit(1 - outside)

    words = of.recount.words["dashboard"]
    for row in of.rows:
        o, e = observed[row[0]], expected[row[0]]
        beyond = lambda outside: not limits(e, outside)[0] <= o / e <= limits(e, outside)[1]
        standing = "beyond_998" if beyond(0.001) else "beyond_95" if beyond(0.025) else "within_chance"
        of.check(row, 1, o, [o])
        of.check(row, 2, tenths(rounded(10 * e)))
        of.check(row, 3, hundredths(o / e))
        of.check(row, 4, words[standing])


def comuni_by_year(of):
    for row in of.rows:
        for column, year in enumerate(of.header[1:], 1):
            here = of.latest(year).filter(pl.col("comune") == of.recount.codes[row[0]]).height
            of.check(row, column, here, [here])


titled = lambda *starts: lambda of: of.title is not None and of.title.startswith(starts)
is_target = lambda of: of.title in of.strumento.targets()
KINDS = [
    (lambda of: of.page == "quadro" and of.title is None, quadro_numbers),
    (lambda of: of.page == "quadro" and of.title == "Persone per anno", quadro_years),
    (titled("Indice mediano"), quadro_medians),
    (lambda of: of.page == "quadro" and is_target(of), by_period),
    (lambda of: of.page == "comunita" and is_target(of), by_category),
    (lambda of: of.page == "esplora" and of.title is None, by_category),
    (titled("Persone valutate e residenti"), pyramid),
    (titled("Gruppi di persone", "Risposte che frenano in ogni gruppo"), groups),
    (lambda of: of.page == "comunita" and ": «" in (of.title or ""), odds),
    (titled("Risposte che frenano, per svantaggio"), items_by_disadvantage),
    (titled("Risposte che frenano"), items),
    (titled("Condizioni minime che mancano, per comune"), blocks_by_comune),
    (titled("Condizioni minime che mancano"), blocks),
    (titled("Persone al livello più basso"), first_level),
    (titled("Azioni proposte"), azioni),
    (titled("Cambiamenti affidabili, per svantaggio"), changes_by_disadvantage),
    (titled("Cambiamenti affidabili"), changes),
    (titled("Dal primo livello"), paths),
    (titled("Chi è stato valutato di nuovo"), returns),
    (titled("Trimestri dalla prima"), times),
    (lambda of: of.page == "territorio" and of.title is None, territorio),
    (titled("Persone valutate e attese"), funnel),
    (lambda of: of.page == "territorio" and of.title == "Persone per anno", comuni_by_year),
]


def read(path):
    """The tables of a file, and what stands below them."""
    rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines(), delimiter=";"))
    blocks, block = [], []
    for row in [*rows, []]:
        if row:
            block.append([cell.removeprefix("'") for cell in row])
        elif block:
            blocks.append(block)
            block = []
    *tables, notes = blocks
    found = []
    for table in tables:
        title = table.pop(0)[0] if len(table[0]) == 1 else None
        found.append((title, table[0], table[1:]))
    return found, {name: value for name, value in notes}


def main(root, feed, residents, *files):
    files = [pathlib.Path(file) for file in files]
    last = {int(read(file)[1]["Ultima registrazione compresa"]) for file in files}
    if len(last) != 1:
        sys.exit("the files are of different states of the data")
    events = [json.loads(line) for line in pathlib.Path(feed).read_text().splitlines()]
    events = [event for event in events if event["seq"] <= max(last)]
    if len(events) != max(last):
        sys.exit(f"the feed has {len(events)} events, the data {max(last)}: it is another Ente's")
    recount = Recount(pathlib.Path(root), events, json.loads(pathlib.Path(residents).read_text()))
    recount.own, recount.shown_comuni, recount.sizes = {}, {}, {}
    # Which comuni and bands of age are shown is read before what is made of them.
    order = ["comunita", "territorio"]
    for file in files:
        [(_, header, rows), *_], notes = read(file)
        if file.name.startswith("territorio") and header[2].startswith("Residenti"):
            own = [recount.codes[row[0]] for row in rows if row[0] in recount.codes and row[2] != "–"]
            recount.own[recount.strumenti[notes["Strumento"]].id] = own
    for file in sorted(files, key=lambda file: (order.index(file.name.split("-")[0]) if file.name.split("-")[0] in order else 2, file.name)):
        recount.file(file)
    for kind in sorted(recount.compared.keys() | recount.hidden.keys()):
        print(f"{kind}: {recount.compared[kind]} cells as counted, {recount.hidden[kind]} hidden")
    print(f"in all: {recount.compared.total()} cells as counted, {recount.hidden.total()} hidden")
    if recount.wrong:
        print("\n".join(recount.wrong[:MOST]), file=sys.stderr)
        sys.exit(f"{len(recount.wrong)} cells differ")


main(*sys.argv[1:])
