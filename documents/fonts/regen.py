"""Makes DejaVuSans-subset.ttf: the letters and signs that Titillium Web has not, small enough to be in the binary.

    python3 -m venv /tmp/fonts && /tmp/fonts/bin/pip install fonttools==4.68.0
    npm pack --silent dejavu-fonts-ttf@2.37.3 && tar xzf dejavu-fonts-ttf-2.37.3.tgz
    /tmp/fonts/bin/python documents/fonts/regen.py package/ttf/DejaVuSans.ttf

The same input and the same fonttools give the same bytes.
"""

import pathlib
import sys

from fontTools import subset
from fontTools.ttLib import TTFont

# Whole ranges, whatever of them the font has: names of people from everywhere, and the signs that papers use.
RANGES = [
    (0x0020, 0x052F),  # Latin, IPA, combining marks, Greek, Cyrillic
    (0x0531, 0x058F),  # Armenian
    (0x0590, 0x05FF),  # Hebrew
    (0x0600, 0x077F),  # Arabic
    (0x10A0, 0x10FF),  # Georgian
    (0x1E00, 0x1FFF),  # Latin and Greek with marks
    (0x2000, 0x22FF),  # punctuation, currencies, letter-like, arrows, mathematics
    (0x2460, 0x24FF),  # enclosed numbers
    (0x25A0, 0x2767),  # shapes, symbols, dingbats
    (0x2D30, 0x2D7F),  # Tifinagh
    (0xA640, 0xA69F),  # Cyrillic, more
    (0xFB00, 0xFEFF),  # presentation forms: what Arabic is drawn with
    (0x1F600, 0x1F64F),  # faces
]


def main(source: str) -> None:
    font = TTFont(source, recalcTimestamp=False)
    wanted = [code for code in font.getBestCmap() if any(first <= code <= last for first, last in RANGES)]
    options = subset.Options()
    options.hinting = False
    options.layout_features = ["ccmp", "locl", "mark", "mkmk", "init", "medi", "fina", "isol", "rlig", "kern"]
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.notdef_outline = True
    options.glyph_names = False
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=wanted)
    subsetter.subset(font)
    font.save(pathlib.Path(__file__).with_name("DejaVuSans-subset.ttf"))


main(sys.argv[1])
