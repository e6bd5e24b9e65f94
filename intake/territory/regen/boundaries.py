"""Simplifies all boundaries at once, so that neighbours still meet, and stores each shared line once.

The source has a few hair-thin gaps and overlaps; they are closed first. An edge belongs to the comuni on its sides; a
chain of edges with the same owners is an arc, and a ring is a list of arcs.
"""

from collections import defaultdict

import numpy
import shapely

# Degrees × 10⁷ in one step of the grid, east and north. A step is about 2.2 m both ways in Italy: fine enough that
# rounding never makes a ring touch itself, coarse enough that most steps take one or two bytes.
STEP_LON, STEP_LAT = 270, 200
STEPS = numpy.array([STEP_LON, STEP_LAT]) / 1e7
# Corners whose triangle is smaller than the square of this many steps (about 110 m) disappear.
TOLERANCE = 50.0
# Square steps, about 0.012 km²: smaller islets go, unless they are the whole comune or touch another one.
ISLET = 2500.0


def cleaned(shapes):
    """Shapes in degrees to shapes in steps that neither overlap nor leave gaps."""
    array = numpy.array(list(shapes.values()))
    broken = ~shapely.is_valid(array)
    array[broken] = shapely.make_valid(array[broken], method="structure", keep_collapsed=False)
    grid = shapely.transform(array, lambda points: points / STEPS)
    whole = shapely.coverage_clean(grid, gap_width=2.5, snapping_distance=0.05)
    assert (abs(shapely.area(whole) / shapely.area(grid) - 1) < 0.01).all()
    return dict(zip(shapes, whole))


def without_islets(shapes):
    """The same shapes less the small parts that nobody would miss."""
    tree = shapely.STRtree(shapes)
    result = []
    for shape in shapes:
        parts = shapely.get_parts(shape)
        largest = shapely.area(parts).max()
        kept = [p for p in parts if p.area >= min(ISLET, largest) or len(tree.query(p, predicate="intersects")) > 1]
        result.append(shapely.multipolygons(kept))
    return numpy.array(result)


def simplified(shapes):
    """Shapes on whole steps with fewer corners, every one valid and still meeting its neighbours."""
    whole = without_islets(numpy.array(list(shapes.values())))
    assert shapely.coverage_is_valid(whole)
    simple = shapely.transform(shapely.coverage_simplify(whole, TOLERANCE), numpy.rint)
    assert shapely.is_valid(simple).all() and shapely.coverage_is_valid(simple)
    assert not shapely.is_empty(simple).any()
    return dict(zip(shapes, simple))


def rings_of(shape):
    """[(is_hole, open ring)], the largest part first, each outer ring before its holes."""
    found = []
    for part in sorted(shapely.get_parts(shapely.normalize(shape)), key=lambda part: (-part.area, part.wkb)):
        for hole, ring in [(False, part.exterior), *((True, ring) for ring in part.interiors)]:
            found.append((hole, [(int(x), int(y)) for x, y in ring.coords][:-1]))
    return found


def edges(ring):
    """The sides of an open ring, each in the same direction whoever walks it."""
    return [(a, b) if a < b else (b, a) for a, b in zip(ring, ring[1:] + ring[:1])]


def arcs_of(rings):
    """The arcs as tuples of points, and each comune's rings as references: index * 2, + 1 when walked backwards."""
    users, around = defaultdict(set), defaultdict(set)
    for code, own in rings.items():
        for _, ring in own:
            for edge in edges(ring):
                users[edge].add(code)
                for point in edge:
                    around[point].add(edge)
    assert max(map(len, users.values())) == 2
    nodes = {p for p, ends in around.items() if len(ends) != 2 or len({frozenset(users[e]) for e in ends}) > 1}
    index, references = {}, {}

    def reference(chain):
        """A chain and its reverse are one arc, kept in the direction that sorts first."""
        key = min(chain, chain[::-1])
        return index.setdefault(key, len(index)) * 2 + (key != chain)

    for code, own in rings.items():
        references[code] = []
        for hole, ring in own:
            cuts = [i for i, point in enumerate(ring) if point in nodes] or [ring.index(min(ring))]
            walk = []
            for a, b in zip(cuts, cuts[1:] + cuts[:1]):
                walk.append(reference(tuple(ring[a : b + 1] if a < b else ring[a:] + ring[: b + 1])))
            references[code].append((hole, walk))
    return list(index), references


def write(shapes, packer, path):
    """Arcs (points as steps from the one before), then per comune its rings as lists of arc references."""
    arcs, references = arcs_of({code: rings_of(shape) for code, shape in simplified(shapes).items()})
    packer.count(STEP_LON)
    packer.count(STEP_LAT)
    packer.count(len(arcs))
    x, y = 0, 0
    for arc in arcs:
        packer.count(len(arc))
        for px, py in arc:
            packer.signed(px - x)
            packer.signed(py - y)
            x, y = px, py
    packer.count(len(references))
    for code, own in references.items():
        packer.count(code)
        packer.count(len(own))
        for hole, walk in own:
            packer.count(hole)
            packer.count(len(walk))
            for reference in walk:
                packer.count(reference)
    print(f"boundaries: {sum(map(len, arcs))} points in {len(arcs)} arcs, {sum(map(len, references.values()))} rings")
    packer.write(path)
