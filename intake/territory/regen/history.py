"""Turns the dated rows of Belfiore codes into spells of one name and province, and works out successors.

The source gives no successors. One is inferred among the codes of the same province that began a row on the day after a
code ended, or failing that on the same day: the only one; else the only one that shares a telling word of the name; else,
since 1990, the only one that is new.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

EPOCH = date(1861, 3, 17)
FOREIGN = "EE"
PARTICLES = (
    "A Ad Ai Al Alla Alle Allo Agli Con Da Dai Dal Dalla De Degli Dei Del Della Delle Dello Di E Ed In Nei Nel Nella "
    "Per Presso Su Sul Sulla Sulle Sui Tra Fra Und An Am Der Im In Près Les Du".split()
)
# Words that many comuni share say nothing about who followed whom.
COMMON_WORDS = set(
    "alta alto basso bassa borgo bosco campo capo casa castel castello colle corte costa fonte grande inferiore isola lago "
    "ligure maggiore marina martino mezzo minore monferrato monte nova novo nuova nuovo piano pieve pietro ponte porto "
    "rocca santa santo sesia sopra sotto superiore terme torre valle vecchio vecchia veneto villa vico canavese friuli "
    "mare oglio piave adige ticino giovanni lorenzo michele giorgio maria della dello delle degli nell dell".split()
)


@dataclass
class Spell:
    """One code under one name in one province, from the first day to the last (None: not ended)."""

    code: str
    first: date
    last: date | None
    name: str
    province: str


def day(text):
    return date.fromisoformat(text[:10]) if text else None


def readable(name):
    """The source writes every word with a capital: 'Santa Caterina D'Este'."""
    words = name.split(" ")
    words = [words[0]] + [w.lower() if w in PARTICLES else w for w in words[1:]]
    fixed = " ".join(words).replace("Å Teverjan", "Števerjan")  # one name has its bytes misread
    return re.sub(r"(?<= )(D|L|Dell|Dall|All|Nell|Sull)'", lambda m: m.group(1).lower() + "'", fixed)


def spells(rows, present_names):
    """Rows to spells by (code, first day), exact duplicates removed. Where the name is today's, today's spelling."""
    found = {}
    for row in rows:
        name = readable(row["name"].strip())
        present = present_names.get(row["code"])
        if present and present.casefold() == name.casefold():
            name = present
        spell = Spell(row["code"], day(row["date_created"]), day(row["date_deleted"]), name, row["province"])
        assert spell.last is None or spell.last >= spell.first, spell
        found[(spell.code, spell.first, spell.last or date.max, spell.name, spell.province)] = spell
    return [found[key] for key in sorted(found)]


def telling_words(name):
    """The words of a name that few other comuni have."""
    return {word for word in re.findall(r"\w{4,}", name.casefold()) if word not in COMMON_WORDS}


def successors(spells):
    """Code to the one code that took its place, where dates and names tell."""
    by_code, starts = defaultdict(list), defaultdict(dict)
    for spell in spells:
        by_code[spell.code].append(spell)
        starts[(spell.first, spell.province)][spell.code] = spell
    found = {}
    for code, own in by_code.items():
        end = max(own, key=lambda spell: spell.last or date.max)
        if end.last is None or end.province == FOREIGN:
            continue
        for start in (end.last + timedelta(days=1), end.last):
            others = [s for c, s in sorted(starts[(start, end.province)].items()) if c != code]
            named = [s for s in others if telling_words(s.name) & telling_words(end.name)]
            new = [s for s in others if s == by_code[s.code][0]]
            if len(others) == 1 or len(named) == 1:
                found[code] = (others if len(others) == 1 else named)[0].code
            elif not named and len(new) == 1 and end.last.year >= 1990:
                found[code] = new[0].code
            if code in found:
                break
    return found


def current_code(code, successors, current):
    """Follows successors to a code that exists today; None where the trail ends or circles."""
    seen = set()
    while code not in current:
        if code in seen or code not in successors:
            return None
        seen.add(code)
        code = successors[code]
    return code


def joined(spells):
    """Neighbouring spells that differ in nothing but a change of territory become one."""
    result = []
    for spell in spells:
        previous = result[-1] if result else None
        if (
            previous
            and previous.last
            and (previous.code, previous.name, previous.province) == (spell.code, spell.name, spell.province)
            and previous.last + timedelta(days=1) == spell.first
        ):
            result[-1] = Spell(spell.code, previous.first, spell.last, spell.name, spell.province)
        else:
            result.append(spell)
    return result


def write(spells, successors, packer, path):
    """Per code: successor (or a zero byte), then its spells; days since EPOCH, the last day as length + 1, 0 for open."""
    by_code = defaultdict(list)
    for spell in spells:
        by_code[spell.code].append(spell)
    packer.count(len(by_code))
    for code, own in sorted(by_code.items()):
        packer.belfiore(code)
        packer.count(code in successors)
        if code in successors:
            packer.belfiore(successors[code])
        packer.count(len(own))
        for spell in own:
            packer.count((spell.first - EPOCH).days)
            packer.count(0 if spell.last is None else (spell.last - spell.first).days + 1)
            packer.text(spell.province)
            packer.text(spell.name)
    packer.write(path)
