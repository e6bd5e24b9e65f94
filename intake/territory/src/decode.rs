//! Opens the built-in data: one version byte, then a zstd frame of variable-length integers and texts.
//!
//! `regen/packing.py` writes what this reads. The data is part of the program, so damage to it is a fault of the build and
//! stops the program at the first question; it is not an error that a caller could handle.

use crate::codes::BelfioreCode;

/// The only layout there has been. `regen/packing.py` has the same number.
const VERSION: u8 = 1;

/// Unpacks a built-in file.
pub(crate) fn unpack(file: &[u8]) -> Vec<u8> {
    let (version, frame) = file.split_first().expect("a built-in file is not empty");
    assert_eq!(*version, VERSION, "built-in data was written for another version of this package");
    zstd::decode_all(frame).expect("a built-in file is a zstd frame")
}

/// Walks through unpacked data; texts are lent, not copied.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(unpacked: &'a [u8]) -> Self {
        Self { rest: unpacked }
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let (first, rest) = self.rest.split_first().expect("built-in data does not end early");
        self.rest = rest;
        *first
    }

    /// A number of seven bits to a byte, lowest first.
    pub(crate) fn count(&mut self) -> u32 {
        let mut value = 0;
        for shift in (0..32).step_by(7) {
            let byte = self.byte();
            value |= u32::from(byte & 127) << shift;
            if byte < 128 {
                return value;
            }
        }
        unreachable!("built-in data has no number above 32 bits")
    }

    /// A count that sizes something in memory.
    pub(crate) fn length(&mut self) -> usize {
        usize::try_from(self.count()).expect("32 bits fit a length")
    }

    /// A count that fits the smaller type the place asks for.
    pub(crate) fn small<T: TryFrom<u32>>(&mut self) -> T {
        let value = self.count();
        T::try_from(value).ok().expect("built-in data keeps to the size of its fields")
    }

    /// A number of either sign, zigzag.
    pub(crate) fn signed(&mut self) -> i32 {
        let zigzag = self.count();
        let half = (zigzag >> 1).cast_signed();
        if zigzag & 1 == 1 { !half } else { half }
    }

    pub(crate) fn text(&mut self) -> &'a str {
        // The length first: it moves `rest`.
        let length = self.length();
        let (text, rest) = self.rest.split_at_checked(length).expect("built-in data does not end within a text");
        self.rest = rest;
        std::str::from_utf8(text).expect("built-in texts are UTF-8")
    }

    pub(crate) fn belfiore(&mut self) -> BelfioreCode {
        let letter = self.byte();
        BelfioreCode::from_data(letter, self.small())
    }

    /// Says that everything was read.
    pub(crate) fn finish(self) {
        assert!(self.rest.is_empty(), "built-in data has more than was asked for");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_come_back() {
        let mut reader =
            Reader::new(&[0, 127, 128, 1, 255, 255, 255, 255, 15, 0, 1, 2, 3, 2, 0xc3, 0xa8, b'G', 0xf8, 6]);
        assert_eq!([reader.count(), reader.count(), reader.count(), reader.count()], [0, 127, 128, u32::MAX]);
        assert_eq!([reader.signed(), reader.signed(), reader.signed(), reader.signed()], [0, -1, 1, -2]);
        assert_eq!(reader.text(), "è");
        assert_eq!(reader.belfiore().to_string(), "G888");
        reader.finish();
    }

    #[test]
    fn the_data_stays_under_four_megabytes() {
        let files: [&[u8]; 4] = [
            include_bytes!("../data/places.bin"),
            include_bytes!("../data/population.bin"),
            include_bytes!("../data/boundaries.bin"),
            include_bytes!("../data/history.bin"),
        ];
        assert!(files.map(<[u8]>::len).iter().sum::<usize>() < 4_000_000);
    }

    #[test]
    #[should_panic(expected = "another version")]
    fn another_version_is_refused() {
        unpack(&[VERSION + 1, 0]);
    }

    #[test]
    #[should_panic(expected = "more than was asked for")]
    fn leftovers_are_noticed() {
        Reader::new(&[0]).finish();
    }
}
