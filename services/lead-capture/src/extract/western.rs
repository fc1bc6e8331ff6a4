//! Names and addresses in Latin letters.

use super::Kind;
use super::cue::{Cue, Mark};
use super::fold::{Folded, is_han};
use super::scene::{Find, Scene};

const WORDS_MAX: usize = 4;

/// Words that are no part of a name, capitalised or not.
const NEVER_NAMES: &str = "and|from|with|my|i|please|at|in|here|the|of|is|a|an|to|for|on|not|your|our|\
you|we|us|it|this|that|or|but|so|just|very|sorry|happy|looking|interested|trying|having|waiting|really|\
still|also|urgent|currently|calling|new|going|chinese|american|british|phone|email|mobile|tel|call|\
number|contact|address|wechat|whatsapp|telegram|company|thanks|thank|hello|hi|dear|mr|mrs|ms|dr|was|\
appears|incorrect|wrong|spelled|has|as|am|are|me|support|sales|team|customer|service|correct|good|mine|what|who|whatever|nobody|now|saved|called|everything|blue|done|ok|\
yes|no|there";

/// Words that end a street's name.
const STREETS: &str = "street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct|way|place|\
pl|square|sq|terrace|parkway|pkwy|highway|hwy|close|crescent|circle|alley|row|quay";

/// Reads the names behind "my name is", "I'm", "Contact:" and their like.
pub(super) fn read_names(scene: &mut Scene<'_>) {
    let marks: Vec<Mark> = scene.marks.iter().filter(|mark| mark.cue == Cue::Name).copied().collect();
    for mark in marks {
        if let Some((start, end)) = name(scene, &mark) {
            let norm = scene.text.written(start, end).to_owned();
            scene.add(Find::new(Kind::Name, (start, end), norm, 82));
        }
    }
    beside_contact(scene);
}

/// "Daniel Ortiz, 212-555-0142" and the reverse: a message of nothing but two or three capitalised words and the way to
/// reach them.
fn beside_contact(scene: &mut Scene<'_>) {
    let [find] = scene.finds() else { return };
    if !find.kind.reaches() || find.foreign {
        return;
    }
    let text = &scene.text;
    let sign = |at: usize| {
        matches!(text.at(at), ',' | ';' | '-' | '/' | '|' | ':' | '\n' | '.' | '(' | ')')
            || text.at(at).is_whitespace()
    };
    let (before, after) = ((0, find.start), (find.end, text.len()));
    let blank = |(start, end): (usize, usize)| (start..end).all(sign);
    let (mut start, mut end) = match (blank(before), blank(after)) {
        (false, true) => before,
        (true, false) => after,
        _ => return,
    };
    while start < end && sign(start) {
        start += 1;
    }
    while start < end && sign(end - 1) {
        end -= 1;
    }
    start += text.reads_any(start, &["it's ", "its "]).unwrap_or(0);
    let words: Vec<(usize, usize)> = std::iter::successors(Some((start, start)), |(_, stop)| {
        let from = if *stop == start { start } else { stop + 1 };
        word(scene, from, false).map(|to| (from, to))
    })
    .skip(1)
    .take(WORDS_MAX)
    .collect();
    let parted = words.windows(2).all(|pair| text.at(pair[0].1) == ' ');
    if matches!(words.len(), 2 | 3) && parted && words.last().is_some_and(|last| last.1 == end) {
        let norm = text.written(start, end).to_owned();
        scene.add(Find::new(Kind::Name, (start, end), norm, 70));
    }
}

fn name(scene: &Scene<'_>, mark: &Mark) -> Option<(usize, usize)> {
    const TITLES: [&str; 9] = ["mr.", "mrs.", "ms.", "dr.", "mr", "mrs", "ms", "dr", "prof."];
    let text = &scene.text;
    let cue = text.text(mark.start, mark.end).to_ascii_lowercase();
    // "my name is john smith" may be lower case; "under my name saved" is no name.
    let loose =
        cue.contains("name") && (cue.ends_with("is") || cue.ends_with("'s") || text.at(mark.end) == ':');
    let mut start = mark.end;
    while matches!(text.at(start), ' ' | ':' | '-' | ',' | '\n' | '(') && start - mark.end < 4 {
        start += 1;
    }
    if let Some(length) = text.reads_any(start, &TITLES)
        && text.at(start + length) == ' '
    {
        start = text.skip_blanks(start + length);
    }
    let mut end = start;
    let mut at = start;
    for _ in 0..WORDS_MAX {
        let Some(stop) = word(scene, at, loose) else { break };
        // "van" and "de" belong to a name only before its next word.
        if !is_particle(text, at, stop) {
            end = stop;
        } else if end == start {
            break;
        }
        // An initial keeps its full stop.
        let after = if text.at(stop) == '.' && stop - at == 1 { stop + 1 } else { stop };
        if text.at(after) != ' ' {
            break;
        }
        at = after + 1;
    }
    if end == start || scene.is_taken(start, end) {
        return None;
    }
    let next = text.skip_blanks(end);
    let weak = ["i'm", "i am", "this is", "我是", "本人", "我就是", "叫我"].contains(&cue.as_str());
    let single = !text.text(start, end).contains(' ');
    let closes = !text.at(next).is_alphanumeric()
        || is_han(text.at(next))
        || text.reads_any(next, &["from", "and", "with", "calling", "speaking", "here", "my"]).is_some();
    let capital = text.at(start).is_uppercase();
    ((!weak || closes) && (!single || capital && closes || loose && closes)).then_some((start, end))
}

/// The end of a word of a name: capitalised, or any word that is none of grammar where names are surely meant.
fn word(scene: &Scene<'_>, start: usize, loose: bool) -> Option<usize> {
    let text = &scene.text;
    let mut end = start;
    while is_letter(text.at(end))
        || matches!(text.at(end), '\'' | '-') && end > start && is_letter(text.at(end + 1))
    {
        end += 1;
    }
    let first = text.at(start);
    if end == start || text.at(end).is_ascii_digit() || text.at(end) == '@' || scene.is_taken(start, end) {
        return None;
    }
    let low = text.text(start, end).to_lowercase();
    // DMing, STRANDED: shouting is no name, unless one is surely meant.
    let shape = loose
        || !(start + 1..end)
            .any(|at| text.at(at).is_uppercase() && !matches!(text.at(at - 1), '\'' | '-' | 'c'));
    let fits = first.is_uppercase() && shape || is_particle(text, start, end);
    (!NEVER_NAMES.split('|').any(|word| word == low) && (fits || loose && end - start > 1)).then_some(end)
}

fn is_particle(text: &Folded<'_>, start: usize, end: usize) -> bool {
    const PARTICLES: [&str; 16] = [
        "van", "von", "de", "der", "den", "da", "di", "del", "la", "le", "bin", "al", "dos", "ter", "ten",
        "du",
    ];
    text.at(start).is_lowercase() && PARTICLES.contains(&text.text(start, end).as_str())
}

fn is_letter(c: char) -> bool {
    c.is_alphabetic() && !is_han(c)
}

/// Reads number, street, flat, city, state and code.
pub(super) fn read_addresses(scene: &mut Scene<'_>) {
    let mut index = 0;
    while index < scene.text.len() {
        match street(scene, index) {
            Some(end) => {
                let end = rest(scene, end);
                let norm = scene.text.written(index, end).to_owned();
                scene.add(Find::new(Kind::Address, (index, end), norm, 82));
                index = end;
            }
            None => index += 1,
        }
    }
}

/// 959 Hill Lane, 221B Baker Street.
fn street(scene: &Scene<'_>, start: usize) -> Option<usize> {
    let text = &scene.text;
    if !text.at(start).is_ascii_digit()
        || text.before(start).is_ascii_alphanumeric()
        || matches!(text.before(start), '.' | '-' | '$')
    {
        return None;
    }
    let mut at = start;
    while text.at(at).is_ascii_digit() && at - start < 6 {
        at += 1;
    }
    at += usize::from(text.at(at).is_ascii_alphabetic());
    let first = at + 1;
    for count in 0..5 {
        if text.at(at) != ' ' || !text.at(at + 1).is_alphanumeric() {
            return None;
        }
        let from = at + 1;
        let end = word_end(scene, from);
        let low = text.text(from, end).to_lowercase();
        let capital = text.at(first).is_uppercase() || text.at(first).is_ascii_digit();
        let sure = capital
            || ["street", "st", "avenue", "ave", "road", "rd", "boulevard", "blvd", "lane"]
                .contains(&low.as_str());
        if count > 0 && sure && STREETS.split('|').any(|word| word == low) {
            return Some(end + usize::from(text.at(end) == '.' && text.at(end + 1) == ','));
        }
        // A street's name is capitalised, and the message may not be.
        if ["is", "my", "and", "the", "in", "on", "at", "for", "by", "to", "of"].contains(&low.as_str()) {
            return None;
        }
        at = end;
    }
    None
}

fn word_end(scene: &Scene<'_>, start: usize) -> usize {
    let text = &scene.text;
    let mut end = start;
    while text.at(end).is_alphanumeric() && !is_han(text.at(end))
        || matches!(text.at(end), '\'' | '-') && end > start
    {
        end += 1;
    }
    end
}

/// Flat, city, state and code behind the street.
fn rest(scene: &Scene<'_>, street_end: usize) -> usize {
    const FLATS: [&str; 11] =
        ["apt", "apartment", "suite", "ste", "unit", "floor", "fl", "room", "rm", "flat", "#"];
    let text = &scene.text;
    let mut end = street_end;
    for _ in 0..8 {
        let comma = usize::from(text.at(end) == ',');
        let blanks = (end + comma..).take_while(|at| matches!(text.at(*at), ' ' | '\n')).count();
        let start = end + comma + blanks;
        if comma + blanks == 0 || blanks > 2 {
            break;
        }
        let stop = word_end(scene, start);
        if stop == start && text.at(start) != '#' {
            break;
        }
        if text.reads_any(start, &FLATS).is_some_and(|length| length == stop - start || text.at(start) == '#')
        {
            let dot = usize::from(text.at(stop) == '.');
            let number = text.skip_blanks(stop + dot + usize::from(text.at(start) == '#' && stop == start));
            let number_end = word_end(scene, number);
            if number_end == number {
                break;
            }
            end = number_end;
            continue;
        }
        // City and state are capitalised, the code has digits.
        let code = text.at(start).is_ascii_digit() && (3..=6).contains(&(stop - start));
        if !(text.at(start).is_uppercase() || code) || stop - start < 2 {
            break;
        }
        end = stop;
        if code {
            break;
        }
    }
    end
}
