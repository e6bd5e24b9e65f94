"""The stored form: one version byte, then one zstd frame of variable-length integers and UTF-8 texts.

`src/decode.rs` reads what this writes; a change here raises VERSION there too.
"""

import zstandard

VERSION = 1


class Packer:
    """Collects integers and texts in the order the reader asks for them."""

    def __init__(self):
        self.bytes = bytearray()

    def count(self, value):
        """A number that is never negative: seven bits to a byte, lowest first."""
        value = int(value)
        assert value >= 0, value
        while value > 127:
            self.bytes.append(value & 127 | 128)
            value >>= 7
        self.bytes.append(value)

    def signed(self, value):
        """A number of either sign, zigzag: 0, -1, 1, -2, … become 0, 1, 2, 3, …"""
        value = int(value)
        self.count(value * 2 if value >= 0 else -value * 2 - 1)

    def text(self, value):
        """A text: its length in bytes, then the bytes."""
        encoded = value.encode("utf-8")
        self.count(len(encoded))
        self.bytes += encoded

    def belfiore(self, code):
        """A Belfiore code: its letter, then its number."""
        assert len(code) == 4 and "A" <= code[0] <= "Z" and code[1:].isdigit(), code
        self.bytes.append(ord(code[0]))
        self.count(int(code[1:]))

    def write(self, path):
        frame = zstandard.ZstdCompressor(level=19, threads=0, write_checksum=True).compress(bytes(self.bytes))
        path.write_bytes(bytes([VERSION]) + frame)
        print(f"{path.name}: {1 + len(frame)} bytes, {len(self.bytes)} unpacked")
