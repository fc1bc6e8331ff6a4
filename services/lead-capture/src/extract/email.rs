//! E-mail addresses, also with blanks, full-width signs or the signs spelled out.

use super::cue::Cue;
use super::scene::{Find, Scene};
use super::{Form, Kind};

/// RFC 5321 section 4.5.3.1: the local part has at most 64 octets, the domain 255.
const LOCAL_MAX: usize = 64;
const DOMAIN_MAX: usize = 255;

/// Top levels that tell an address from a sentence.
const TOP_LEVELS: [&str; 20] = [
    "com", "cn", "net", "org", "edu", "gov", "io", "co", "hk", "tw", "uk", "de", "fr", "jp", "us", "ca",
    "au", "me", "sg", "eu",
];

/// An at sign, plain or spelled.
struct At {
    start: usize,
    end: usize,
    spelled: bool,
}

pub(super) fn read(scene: &mut Scene<'_>) {
    let mut index = 0;
    while index < scene.text.len() {
        match at_sign(scene, index).and_then(|at| address(scene, &at)) {
            Some(find) => {
                index = find.end;
                scene.add(find);
            }
            None => index += 1,
        }
    }
}

fn at_sign(scene: &Scene<'_>, index: usize) -> Option<At> {
    const SPELLED: [&str; 13] = [
        "(at)",
        "[at]",
        "{at}",
        "<at>",
        "(@)",
        "[@]",
        "艾特",
        "爱特",
        "圈a",
        " at ",
        "小老鼠",
        "#at#",
        "_at_",
    ];
    if scene.text.at(index) == '@' {
        return Some(At { start: index, end: index + 1, spelled: false });
    }
    const HOSTS: [&str; 10] = [
        "qq.com",
        "163.com",
        "126.com",
        "gmail.com",
        "outlook.com",
        "hotmail.com",
        "foxmail.com",
        "yeah.net",
        "sina.com",
        "139.com",
    ];
    let is_stand_in = matches!(scene.text.at(index), '#' | '*' | '&' | '$' | '圈')
        && scene.text.before(index).is_ascii_alphanumeric()
        && scene.text.reads_any(index + 1, &HOSTS).is_some();
    let length = if is_stand_in { 1 } else { scene.text.reads_any(index, &SPELLED)? };
    Some(At { start: index, end: index + length, spelled: true })
}

fn address(scene: &Scene<'_>, at: &At) -> Option<Find> {
    let text = &scene.text;
    let mut local_end = at.start;
    while local_end > 0 && at.start - local_end < 2 && text.at(local_end - 1) == ' ' {
        local_end -= 1;
    }
    let domain_start = skip(scene, at.end);
    let (domain, end, dots_spelled) = domain(scene, domain_start, at.spelled)?;
    let start = local_start(scene, local_end, dots_spelled);
    if start == local_end || text.at(local_end - 1) == '.' {
        return None;
    }
    let spelled = at.spelled || dots_spelled;
    // "Sunday @ MCO.Keep": with blanks inside only a well-known top level or the word e-mail tells.
    let spaced = (start..end).any(|place| text.at(place) == ' ');
    let top = domain.rsplit('.').next().unwrap_or_default();
    if spaced && !spelled && !TOP_LEVELS.contains(&top) && !is_announced(scene, start) {
        return None;
    }
    let local = local(scene, start, local_end);
    if at.spelled && (is_sign_next(scene, end) || text.at(at.start) == ' ' && !is_meant(&local, top)) {
        return None;
    }
    // "meet at example.com" is no address: a spelled sign needs the word e-mail or a spelled dot.
    if text.at(at.start) == ' ' && at.spelled && !dots_spelled && !is_announced(scene, start) {
        return None;
    }
    let mut find =
        Find::new(Kind::Email, (start, end), format!("{local}@{domain}"), if spelled { 80 } else { 98 });
    find.form = spelled.then_some(Form::Spelled);
    Some(find)
}

/// Where the local part begins. Whoever spells the dots of the domain spells those of the name too.
fn local_start(scene: &Scene<'_>, local_end: usize, dots_spelled: bool) -> usize {
    let text = &scene.text;
    let mut start = local_end;
    while start > 0 && local_end - start < LOCAL_MAX {
        let spelled = LOCAL_SIGNS.iter().find_map(|(word, _)| {
            let at = start.checked_sub(word.chars().count())?;
            (text.reads(at, word) && at > 0 && is_local(text.at(at - 1))).then_some(at)
        });
        match spelled {
            _ if is_local(text.at(start - 1)) => start -= 1,
            Some(at) if dots_spelled && start < local_end => start = at,
            _ => break,
        }
    }
    while start < local_end && !text.at(start).is_ascii_alphanumeric() {
        start += 1;
    }
    start
}

/// Signs of a local part in words.
const LOCAL_SIGNS: [(&str, char); 8] = [
    (" dot ", '.'),
    ("(dot)", '.'),
    ("[dot]", '.'),
    ("点", '.'),
    (" underscore ", '_'),
    ("下划线", '_'),
    (" dash ", '-'),
    (" hyphen ", '-'),
];

fn local(scene: &Scene<'_>, start: usize, end: usize) -> String {
    let written = scene.text.text(start, end).to_ascii_lowercase();
    LOCAL_SIGNS.iter().fold(written, |local, (word, sign)| local.replace(word, &sign.to_string()))
}

/// "Email me at hannah.okoro@…": the word "at" is no sign where a sign follows what would be the domain.
fn is_sign_next(scene: &Scene<'_>, domain_end: usize) -> bool {
    (domain_end..domain_end + 2).any(|index| at_sign(scene, index).is_some())
}

/// A blank-parted "at" makes an address of a name and a well-known top level, not of "me" or "look".
fn is_meant(local: &str, top: &str) -> bool {
    const WORDS: [&str; 22] = [
        "me",
        "us",
        "him",
        "her",
        "them",
        "you",
        "it",
        "this",
        "that",
        "here",
        "there",
        "one",
        "look",
        "looking",
        "looked",
        "available",
        "located",
        "shop",
        "store",
        "website",
        "found",
        "bought",
    ];
    TOP_LEVELS.contains(&top) && !WORDS.contains(&local)
}

fn is_announced(scene: &Scene<'_>, index: usize) -> bool {
    scene.marks_before(index).any(|mark| mark.cue == Cue::Email)
}

fn skip(scene: &Scene<'_>, index: usize) -> usize {
    (index..index + 2).find(|at| scene.text.at(*at) != ' ').unwrap_or(index + 2)
}

/// Reads labels and dots; returns the domain in lower case, its end, and whether a dot was spelled.
fn domain(scene: &Scene<'_>, start: usize, may_spell: bool) -> Option<(String, usize, bool)> {
    let text = &scene.text;
    let mut domain = String::new();
    let mut end = start;
    let mut index = start;
    let mut spelled = false;
    loop {
        let label_end = (index..index + 63).find(|at| !is_label(text.at(*at))).unwrap_or(index + 63);
        if label_end == index {
            break;
        }
        domain.push_str(&text.text(index, label_end).to_ascii_lowercase());
        end = label_end;
        let Some((after, spelt)) = dot(scene, label_end, may_spell) else { break };
        if !is_label(text.at(after)) || domain.len() > DOMAIN_MAX {
            break;
        }
        spelled |= spelt;
        domain.push('.');
        index = after;
    }
    // The top level has letters only: a dot that ends the sentence took nothing with it.
    let (rest, top) = domain.rsplit_once('.')?;
    let valid = top.len() >= 2 && top.chars().all(|c| c.is_ascii_alphabetic()) && !rest.is_empty();
    valid.then_some((domain, end, spelled))
}

/// The index after a dot at `index`.
fn dot(scene: &Scene<'_>, index: usize, may_spell: bool) -> Option<(usize, bool)> {
    const SPELLED: [&str; 8] = ["(dot)", "[dot]", "{dot}", "<dot>", " dot ", "点", "(.)", "[.]"];
    let text = &scene.text;
    if text.at(index) == '.' {
        return Some((index + 1, false));
    }
    if text.at(index) == ' ' && text.at(index + 1) == '.' {
        return Some((skip(scene, index + 2), false));
    }
    if text.at(index) == '。' && is_top_level(scene, index + 1) {
        return Some((index + 1, true));
    }
    let at = if text.at(index) == ' ' && text.at(index + 1) != 'd' { index + 1 } else { index };
    let after = skip(scene, at + text.reads_any(at, &SPELLED)?);
    (may_spell || is_top_level(scene, after)).then_some((after, true))
}

fn is_top_level(scene: &Scene<'_>, index: usize) -> bool {
    scene
        .text
        .reads_any(index, &["com", "cn", "net", "org", "edu", "gov", "io", "co", "hk", "tw", "uk", "de"])
        .is_some()
}

fn is_local(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '%')
}

fn is_label(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-'
}
