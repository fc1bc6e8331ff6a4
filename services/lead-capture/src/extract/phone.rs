//! Telephone numbers in open digits: ASCII and Chinese numerals, in the groups that people write.

use super::Kind;
use super::cue::Cue;
use super::digit::{self, Digit, Script};
use super::fold::is_han;
use super::numbering::{self, Number, Written};
use super::scene::{Find, Scene};

/// Longer chains of groups are tables, keys, card numbers; they are read up to here, in digits.
const RUN_DIGITS_MAX: usize = 64;
/// No number has more digits (E.164 has 15, with 00 before it 17).
const NUMBER_DIGITS_MAX: usize = 17;

/// Digits with the places where a separator parts them.
struct Run {
    digits: Vec<Digit>,
    /// Index of each group's first digit, and the count of all digits at the end.
    starts: Vec<usize>,
    /// Separator before each group; U+0000 before the first.
    separators: Vec<char>,
    /// A plus stands before.
    plus: Option<usize>,
}

pub(super) fn read(scene: &mut Scene<'_>) {
    let mut index = 0;
    while index < scene.text.len() {
        if let Some(end) = scene.taken_until(index) {
            index = end;
        } else if let Some(run) = run(scene, index) {
            let last = run.digits[run.digits.len() - 1].end;
            read_run(scene, &run);
            index = last;
        } else {
            index += 1;
        }
    }
}

/// The run of digits that begins at `index`.
fn run(scene: &Scene<'_>, index: usize) -> Option<Run> {
    let text = &scene.text;
    let plus = (text.at(index) == '+').then_some(index);
    let mut at = match plus {
        Some(_) => text.skip_blanks(index + 1),
        None => index,
    };
    if plus.is_some() && text.at(at) == '(' {
        at += 1;
    }
    digit::open(text, at)?;
    let mut run = Run { digits: Vec::new(), starts: vec![0], separators: vec!['\0'], plus };
    while let Some(digit) = digit::open(text, at).filter(|_| run.digits.len() < RUN_DIGITS_MAX) {
        run.digits.push(digit);
        at = digit.end;
        let mut next = at;
        while next - at < 3 && is_separator(text.at(next)) {
            next += 1;
        }
        let goes_on = run.digits.len() < RUN_DIGITS_MAX && digit::open(text, next).is_some();
        if next > at && goes_on && !scene.is_taken(next, next + 1) {
            // The least blank one names the break: " - " is a hyphen.
            let sign = (at..next).map(|place| text.at(place)).find(|c| *c != ' ').unwrap_or(' ');
            run.starts.push(run.digits.len());
            run.separators.push(sign);
            at = next;
        }
    }
    run.starts.push(run.digits.len());
    Some(run)
}

fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '-' | '.' | '(' | ')' | '/' | '·' | '_' | '~' | '*' | '•' | '"')
}

fn read_run(scene: &mut Scene<'_>, run: &Run) {
    if run.digits.len() < 7 {
        return;
    }
    let groups = run.starts.len() - 1;
    let mut group = 0;
    let mut after_find = false;
    while group < groups {
        match longest(scene, run, group, after_find) {
            Some((find, used)) => {
                scene.add(find);
                group += used;
                after_find = true;
            }
            None => {
                mobile_within(scene, run, group);
                group += 1;
                after_find = false;
            }
        }
    }
}

/// The longest number that begins with this group.
fn longest(scene: &Scene<'_>, run: &Run, group: usize, after_find: bool) -> Option<(Find, usize)> {
    let groups = run.starts.len() - 1;
    let plus = group == 0 && run.plus.is_some();
    let start = if plus { run.plus? } else { opening(scene, run.digits[run.starts[group]].start) };
    let called = scene.is_called(start);
    let mut found = None;
    for until in group + 1..=groups {
        let (from, to) = (run.starts[group], run.starts[until]);
        if to - from > NUMBER_DIGITS_MAX {
            break;
        }
        let digits: String =
            run.digits[from..to].iter().map(|digit| char::from(b'0' + digit.value)).collect();
        let lengths: Vec<usize> =
            run.starts[group..=until].windows(2).map(|pair| pair[1] - pair[0]).collect();
        let written = Written { digits: &digits, groups: &lengths, plus, han: scene.text.has_han(), called };
        let Some(number) = numbering::read(&written) else { continue };
        if is_torn(run, group, until, after_find) {
            continue;
        }
        found =
            judged(scene, start, run.digits[to - 1].end, number).map(|find| (find, until - group)).or(found);
    }
    found
}

/// A bracket before the area code belongs to the number.
fn opening(scene: &Scene<'_>, start: usize) -> usize {
    let text = &scene.text;
    if text.before(start) != '(' {
        return start;
    }
    let closes = (start..start + 5).any(|at| text.at(at) == ')');
    if closes { start - 1 } else { start }
}

/// True if the groups are cut out of a longer chain with the same separator: a card number, a serial.
fn is_torn(run: &Run, group: usize, until: usize, after_find: bool) -> bool {
    let groups = run.starts.len() - 1;
    let inside = run.separators.get(group + 1).filter(|_| until - group > 1);
    let before = run.separators[group];
    let torn_before =
        group > 0 && !after_find && (inside.is_some_and(|sign| *sign == before) || before != ' ');
    let next = (until < groups).then(|| run.separators[until]);
    let rest = run.starts[until..].windows(2).next().map_or(0, |pair| pair[1] - pair[0]);
    // An extension and a second number may follow.
    let torn_after =
        next.is_some_and(|sign| inside == Some(&sign) && rest < 7 && !(sign == '-' && until + 1 == groups));
    torn_before || torn_after
}

/// The find, if nothing around the number speaks against it.
fn judged(scene: &Scene<'_>, start: usize, end: usize, number: Number) -> Option<Find> {
    let text = &scene.text;
    let glued = text.before(start).is_ascii_alphanumeric() && scene.mark_ending(start).is_none()
        || matches!(text.before(start), '-' | '_' | '#' | '/' | '=' | '$' | '¥')
            && start >= 2
            && text.at(start - 2).is_ascii_alphanumeric()
            && !scene.is_taken(start - 2, start - 1)
        || matches!(text.before(start), '$' | '¥' | '€' | '£' | '#');
    if glued || is_reference(scene, start) || is_counted(scene, end) {
        return None;
    }
    let (end, norm) = match extension(scene, end, &number) {
        Some((end, extension)) => (end, format!("{}x{extension}", number.norm)),
        None => (end, number.norm),
    };
    // 138…vx同号: the next word begins at once.
    let joins = text
        .reads_any(end, &["vx", "wx", "v信", "qq"])
        .is_some_and(|length| !text.at(end + length).is_ascii());
    if text.at(end).is_ascii_alphanumeric() && !joins || text.at(end) == '@' {
        return None;
    }
    let mut find = Find::new(Kind::Phone, (start, end), norm, number.confidence);
    find.foreign = number.service;
    Some(find)
}

/// True if the word right before says that the number is another thing: 订单号：138….
fn is_reference(scene: &Scene<'_>, start: usize) -> bool {
    let Some(mark) = scene.marks_before(start).next().filter(|mark| mark.cue == Cue::Reference) else {
        return false;
    };
    let text = &scene.text;
    (mark.end..start).all(|at| {
        matches!(
            text.at(at),
            ' ' | ':'
                | '#'
                | '-'
                | '='
                | '是'
                | '为'
                | '号'
                | '码'
                | '的'
                | '('
                | '['
                | '.'
                | 'i'
                | 's'
                | 'n'
                | 'o'
                | '我'
                | '这'
                | '个'
        )
    })
}

/// True if what follows makes it an amount or another's number: 元, 天, 这单, 是验证码吗.
fn is_counted(scene: &Scene<'_>, end: usize) -> bool {
    const UNITS: [&str; 16] = [
        "元",
        "块",
        "天",
        "个月",
        "单",
        "这单",
        "这个订单",
        "订单",
        "万",
        "件",
        "年",
        "公里",
        "号订单",
        "usd",
        "rmb",
        "yuan",
    ];
    let at = scene.text.skip_blanks(end);
    if scene.text.reads_any(at, &UNITS).is_some() {
        return true;
    }
    ["是", "这个是", "is my ", "is the ", "为"].iter().any(|link| {
        scene.text.reads(at, link)
            && scene.mark_at(at + link.chars().count()).is_some_and(|mark| mark.cue == Cue::Reference)
    })
}

/// 转8001, -220, ext. 45, x565.
fn extension(scene: &Scene<'_>, end: usize, number: &Number) -> Option<(usize, String)> {
    const WORDS: [&str; 9] = ["转", "转分机", "分机", "分机号", "ext", "ext.", "extension", "x", "#"];
    const DIGITS_MAX: usize = 6;
    let text = &scene.text;
    let at = text.skip_blanks(end);
    let after = match text.reads_any(at, &WORDS) {
        Some(length) => text.skip_blanks(at + length),
        // A bare hyphen only behind a landline: mobiles have no extensions.
        None if text.at(end) == '-' && (number.norm.starts_with('0') || number.norm.len() <= 8) => end + 1,
        None => return None,
    };
    let after = if text.at(after) == ':' { text.skip_blanks(after + 1) } else { after };
    let stop = (after..text.len()).find(|place| !text.at(*place).is_ascii_digit()).unwrap_or(text.len());
    let length = stop - after;
    let whole = !text.at(stop).is_ascii_alphanumeric();
    ((1..=DIGITS_MAX).contains(&length) && whole && !numbering::is_mobile(&number.norm))
        .then(|| (stop, text.text(after, stop)))
}

/// A mobile inside one group that a Chinese numeral of the sentence touches: 13812345678一会儿打.
fn mobile_within(scene: &mut Scene<'_>, run: &Run, group: usize) {
    const LENGTH: usize = 11;
    let digits = &run.digits[run.starts[group]..run.starts[group + 1]];
    if digits.len() <= LENGTH || digits.len() > LENGTH + 4 {
        return;
    }
    for window in 0..=digits.len() - LENGTH {
        let (before, rest) = digits.split_at(window);
        let (inside, after) = rest.split_at(LENGTH);
        let plain = inside.iter().all(|digit| digit.script == Script::Plain);
        let is_prose = |digit: &Digit| digit.script == Script::Hanzi;
        // 一会, 一下, 两点: the numeral begins a word of its own.
        let counts = after.len() == 1 && is_han(scene.text.at(after[0].end));
        if !before.iter().all(is_prose)
            || !after.iter().all(is_prose)
            || !(plain || before.is_empty() && counts)
        {
            continue;
        }
        let norm: String = inside.iter().map(|digit| char::from(b'0' + digit.value)).collect();
        if !numbering::is_mobile(&norm) {
            continue;
        }
        let number = Number { norm, confidence: 85, service: false };
        if let Some(find) = judged(scene, inside[0].start, inside[LENGTH - 1].end, number) {
            scene.add(find);
            return;
        }
    }
}
