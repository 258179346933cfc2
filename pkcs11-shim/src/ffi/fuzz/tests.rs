//! The fuzzer's entries with what is kept in `fuzz/corpus`, and with what proptest makes up.

use std::{fs, path::Path};

use proptest::{collection::vec, prelude::*};

type Entry = fn(&[u8]);

const ENTRIES: [(&str, Entry); 4] = [
    ("template", super::template),
    ("parameter", super::parameter),
    ("ec_point", super::ec_point),
    ("reply", super::reply),
];

#[test]
fn the_corpus_is_survived() {
    for (name, entry) in ENTRIES {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(name);
        let files: Vec<_> = fs::read_dir(&directory).unwrap().map(|file| file.unwrap().path()).collect();
        assert!(files.len() >= 3, "{} has next to nothing", directory.display());
        files.iter().for_each(|file| entry(&fs::read(file).unwrap()));
    }
}

proptest! {
    #[test]
    fn anything_is_survived(data in vec(any::<u8>(), 0..300)) {
        ENTRIES.iter().for_each(|(_, entry)| entry(&data));
    }

    /// Each mechanism's own structure, of the right length.
    #[test]
    fn any_values_in_a_structure_are_judged(row in any::<u8>(), data in vec(any::<u8>(), 0..200)) {
        super::parameter(&[&[row, 0, 40], &data[..]].concat());
    }

    /// Points on the curves there are, or almost.
    #[test]
    fn any_point_of_a_known_curve_is_judged(curve in 0u8..6, data in vec(any::<u8>(), 0..200)) {
        super::ec_point(&[&[u8::from(curve > 3), curve], &data[..]].concat());
    }
}
