//! Mobile numbers in disguise: homophones (妖三巴…), look-alike letters (l38OO…), words (one three eight).

use super::Kind;
use super::cue::Cue;
use super::digit::{self, Digit, Script};
use super::form::Form;
use super::numbering::{self, Written};
use super::scene::{Find, Scene};

/// Digits of a Chinese mobile: only this many in a row are believed.
const MOBILE: usize = 11;
/// A row of disguised digits is followed up to here.
const ROW_MAX: usize = 40;

pub(super) fn read(scene: &mut Scene<'_>) {
    let mut index = 0;
    while index < scene.text.len() {
        if let Some(end) = scene.taken_until(index) {
            index = end;
            continue;
        }
        let row = row(scene, index);
        let Some(last) = row.last() else {
            index += 1;
            continue;
        };
        let end = last.end;
        if row.len() >= 7
            && let Some(find) = mobile(scene, &row).or_else(|| spoken(scene, &row))
        {
            scene.add(find);
        }
        index = end;
    }
}

/// Digits in any disguise from `index` on, parted by at most two blanks or signs.
fn row(scene: &Scene<'_>, index: usize) -> Vec<Digit> {
    let text = &scene.text;
    let mut row: Vec<Digit> = Vec::new();
    let mut at = index;
    while let Some(digit) =
        digit::disguised(text, at).filter(|_| row.len() < ROW_MAX && !scene.is_taken(at, at + 1))
    {
        row.push(digit);
        at = digit.end;
        let next = (at..at + 2).find(|place| !is_gap(text.at(*place))).unwrap_or(at + 2);
        if next > at && digit::disguised(text, next).is_some() {
            at = next;
        }
    }
    row
}

fn is_gap(c: char) -> bool {
    matches!(c, ' ' | '-' | '.' | ',' | '、' | '·' | '~' | '*' | '_' | '/' | '|' | '+')
}

/// Eleven digits of the row that make a mobile. Chinese characters at the row's ends may be words of the sentence
/// (电话是妖三巴…), so they may be left out; letters and figures may not.
fn mobile(scene: &Scene<'_>, row: &[Digit]) -> Option<Find> {
    let mut best: Option<(usize, usize)> = None;
    for start in 0..=row.len().checked_sub(MOBILE)? {
        let (before, rest) = row.split_at(start);
        let (inside, after) = rest.split_at(MOBILE);
        let is_word = |digit: &Digit| digit.script == Script::Sound || digit.script == Script::Hanzi;
        if !before.iter().all(is_word) || !after.iter().all(is_word) || !is_credible(scene, inside) {
            continue;
        }
        let digits = value(inside);
        if !numbering::is_mobile(&digits) {
            continue;
        }
        let open = inside.iter().filter(|digit| digit.script <= Script::Hanzi).count();
        // Behind a word for a number the row begins at once, after a linking 是 perhaps.
        let placed = scene.mark_ending(inside[0].start).is_some_and(|mark| mark.cue == Cue::Phone);
        let score = open * 4 + usize::from(placed);
        if best.is_none_or(|(highest, _)| score > highest) {
            best = Some((score, start));
        }
    }
    let (_, start) = best?;
    let inside = &row[start..start + MOBILE];
    Some(found(inside, value(inside), scene.is_called(inside[0].start)))
}

fn value(digits: &[Digit]) -> String {
    digits.iter().map(|digit| char::from(b'0' + digit.value)).collect()
}

/// Letters count only beside many open digits and away from other letters: a serial number has letters too.
fn is_credible(scene: &Scene<'_>, inside: &[Digit]) -> bool {
    let text = &scene.text;
    let count = |script: Script| inside.iter().filter(|digit| digit.script == script).count();
    let letters = count(Script::Letter);
    let edges = !text.before(inside[0].start).is_ascii_alphanumeric()
        && !text.at(inside[MOBILE.min(inside.len()) - 1].end).is_ascii_alphanumeric();
    let open = count(Script::Plain) + count(Script::Hanzi);
    // Chinese numerals in a list of pauses are a number too; plain figures in one are prices.
    let disguised = inside.len() > open || count(Script::Hanzi) >= 6;
    disguised && edges && (letters == 0 || open + count(Script::Sound) >= 5 && letters <= 6)
}

/// Another number behind its word, in English words (six one seven…) or in homophones (洞七五五…).
fn spoken(scene: &Scene<'_>, row: &[Digit]) -> Option<Find> {
    let has = |script: Script| row.iter().any(|digit| digit.script == script);
    let digits = value(row);
    let called = scene.is_called(row[0].start);
    let is_spoken = has(Script::Word) || has(Script::Sound) && digits.starts_with('0');
    if has(Script::Letter) || !is_spoken {
        return None;
    }
    let written =
        Written { digits: &digits, groups: &[digits.len()], plus: false, han: scene.text.has_han(), called };
    let number = numbering::read(&written).filter(|number| called && !number.service)?;
    Some(found(row, number.norm, true))
}

fn found(digits: &[Digit], norm: String, called: bool) -> Find {
    let span = (digits[0].start, digits[digits.len() - 1].end);
    let mut find = Find::new(Kind::Phone, span, norm, if called { 85 } else { 70 });
    let has = |script: Script| digits.iter().any(|digit| digit.script == script);
    find.form =
        Some(if has(Script::Letter) && !has(Script::Sound) { Form::LookAlike } else { Form::Homophone });
    find
}
