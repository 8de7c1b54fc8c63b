//! Fuzzing without a fuzzer: the seeds, and mutations of them that are the same each time.

use std::fs;
use std::panic::{RefUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use crate::{cisco_xml, native_frame, socketio_packet};

const ROUNDS: usize = 300_000;
const LONGEST: usize = 512;

/// A sequence of numbers that look random (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % end.max(1)
    }

    fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(folder().join("seeds").join(target)).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn words() -> Vec<Vec<u8>> {
    let text = fs::read_to_string(folder().join("dictionary")).unwrap();
    let lines = text.lines().filter(|line| line.starts_with('"'));
    lines.map(|line| serde_json::from_str::<String>(line).unwrap().into_bytes()).collect()
}

fn mutate(text: &mut Vec<u8>, others: &[Vec<u8>], words: &[Vec<u8>], dice: &mut Dice) {
    let at = dice.below(text.len() + 1);
    let end = (at + dice.below(8)).min(text.len());
    match dice.below(6) {
        0 => text.truncate(at),
        1 => drop(text.drain(at..end)),
        2 => drop(text.splice(at..at, dice.one_of(words).clone())),
        3 => drop(text.splice(at..end, [dice.below(256) as u8])),
        4 => drop(text.splice(at..at, text[at..end].to_vec())),
        _ => {
            let other = dice.one_of(others);
            let from = dice.below(other.len());
            text.truncate(at);
            text.extend_from_slice(&other[from..]);
        }
    }
    text.truncate(LONGEST);
}

/// Runs the seeds and their mutations; says how many of the mutations were taken.
fn run(target: &str, holds: impl Fn(&str) -> bool + RefUnwindSafe) -> usize {
    let is_taken = |text: &str| catch_unwind(|| holds(text)).unwrap_or_else(|_| panic!("broken by {text:?}"));
    let (seeds, words, mut dice) = (seeds(target), words(), Dice(7));
    for seed in &seeds {
        is_taken(std::str::from_utf8(seed).unwrap());
    }
    let mut taken = 0;
    let mut text = Vec::new();
    for round in 0..ROUNDS {
        if round % 4 == 0 {
            text.clone_from(dice.one_of(&seeds));
        }
        mutate(&mut text, &seeds, &words, &mut dice);
        taken += usize::from(is_taken(&String::from_utf8_lossy(&text)));
    }
    taken
}

/// Mutations of which nearly all are refused, or nearly all taken, would try nothing.
fn assert_both(taken: usize) {
    assert!((ROUNDS / 50..ROUNDS / 2).contains(&taken), "{taken} of {ROUNDS} were taken");
}

#[test]
fn no_mutation_of_a_packet_breaks_its_reader() {
    assert_both(run("socketio_packet", socketio_packet::holds));
}

#[test]
fn no_mutation_of_a_frame_breaks_its_reader() {
    assert_both(run("native_frame", native_frame::holds));
}

#[test]
fn no_mutation_of_a_document_breaks_its_reader() {
    assert_both(run("cisco_xml", |text| cisco_xml::holds(text.as_bytes())));
}
