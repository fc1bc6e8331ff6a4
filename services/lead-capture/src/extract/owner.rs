//! Whose a detail is: the writer's, another's, or one named only to take it back.

use super::cue::Cue;
use super::scene::{Find, Scene};
use super::{Kind, Whose, left};

/// Judges by the nearest word of possession before the value in its sentence, then by what follows it.
pub(super) fn of(scene: &Scene<'_>, find: &Find) -> Whose {
    if matches!(find.kind, Kind::Address | Kind::Company) {
        return Whose::Own;
    }
    if is_withdrawn(scene, find) {
        return Whose::Withdrawn;
    }
    if find.kind == Kind::Name {
        return if is_named_other(scene, find) { Whose::Other } else { Whose::Own };
    }
    match follows(scene, find).or_else(|| precedes(scene, find)).unwrap_or(Whose::Own) {
        Whose::Other if left::on_purpose(scene, find) => Whose::Own,
        whose => whose,
    }
}

/// Her name is …, your name …: the owner stands right before the word "name".
fn is_named_other(scene: &Scene<'_>, find: &Find) -> bool {
    const GAP_MAX: usize = 10;
    let mut marks = scene.marks_before(find.start);
    let name = marks.find(|mark| mark.cue == Cue::Name).map(|mark| mark.start);
    let before = marks.next().filter(|mark| mark.cue == Cue::Other).map(|mark| mark.end);
    matches!((name, before), (Some(name), Some(before)) if name - before <= GAP_MAX && scene.text.low(name) == 'n')
}

/// 我同事的电话是…, his number is …: possession is the word before, unless the writer speaks of self in between.
fn precedes(scene: &Scene<'_>, find: &Find) -> Option<Whose> {
    for mark in scene.marks_before(find.start) {
        match mark.cue {
            Cue::Own => return Some(Whose::Own),
            // 我电话, 我微信.
            Cue::Phone | Cue::Wechat | Cue::Qq | Cue::Email if scene.text.before(mark.start) == '我' => {
                return Some(Whose::Own);
            }
            // "your" and 你们 often only ask: 你们打我电话.
            Cue::Other if is_possessive(scene, mark.end, find.start) => return Some(Whose::Other),
            Cue::Name if scene.text.low(mark.start) != 'n' => return Some(Whose::Own),
            _ => {}
        }
    }
    None
}

/// Between the owner and the value stands nothing but words for the value: 同事的手机号是.
fn is_possessive(scene: &Scene<'_>, from: usize, to: usize) -> bool {
    let mut index = from;
    let mut foreign = 0;
    while index < to {
        if let Some(mark) = scene.mark_at(index)
            && mark.end <= to
        {
            if matches!(mark.cue, Cue::Own | Cue::Name) {
                return false;
            }
            index = mark.end;
            continue;
        }
        let c = scene.text.at(index);
        if matches!(c, ',' | '，') {
            return false;
        }
        if c.is_alphanumeric() && !"的是为号叫有在打到做了就吧说给is's".contains(c) {
            foreign += 1;
        }
        index += 1;
    }
    // A name may stand in between: 我同事小王的电话.
    foreign <= 4
}

/// 138… 是我老公的; 95588 是你们的电话吗; Is … your hotline?
fn follows(scene: &Scene<'_>, find: &Find) -> Option<Whose> {
    let text = &scene.text;
    let mut index = text.skip_blanks(find.end);
    for link in ["这个是", "这是", "是不是", "是", "is not", "is", "isn't"] {
        if text.reads(index, link) {
            index = text.skip_blanks(index + link.chars().count());
            break;
        }
    }
    if index == text.skip_blanks(find.end) && !text.reads(index, "your") && !text.reads(index, "你") {
        return None;
    }
    for skip in ["我的", "我们", "我", "my"] {
        if text.reads(index, skip) {
            let rest = text.skip_blanks(index + skip.chars().count());
            if scene.mark_at(rest).is_some_and(|mark| mark.cue == Cue::Other) {
                return Some(Whose::Other);
            }
            break;
        }
    }
    let mark = scene.mark_at(index)?;
    match mark.cue {
        Cue::Own | Cue::Name => Some(Whose::Own),
        Cue::Other => Some(Whose::Other),
        _ => None,
    }
}

/// 不是138…, 旧号138…: said only to be replaced.
fn is_withdrawn(scene: &Scene<'_>, find: &Find) -> bool {
    const BEFORE: [&str; 12] = [
        "不是",
        "旧号",
        "旧号码",
        "老号码",
        "旧的",
        "以前的",
        "之前的",
        "原来的",
        "原来是",
        "之前是",
        "别打",
        "not ",
    ];
    const AFTER: [&str; 9] =
        ["不用了", "停用", "已停用", "停机", "打不通", "作废", "注销", "是空号", "不要用"];
    if !find.kind.reaches() {
        return false;
    }
    let text = &scene.text;
    let mut end = find.start;
    // Words for the value itself and links may stand in between: 以前的手机号是138….
    loop {
        let before = end;
        if let Some(mark) = scene
            .mark_ending(end)
            .filter(|mark| matches!(mark.cue, Cue::Phone | Cue::Wechat | Cue::Qq | Cue::Email))
        {
            end = mark.start;
        }
        while end > 0 && matches!(text.at(end - 1), ' ' | ':' | '号' | '码') {
            end -= 1;
        }
        if end == before {
            break;
        }
    }
    let ends_with = |word: &str| {
        let length = word.chars().count();
        end >= length && text.reads(end - length, word)
    };
    let asks = end >= 3 && text.reads(end - 3, "是不是");
    if BEFORE.iter().any(|word| ends_with(word)) && !asks {
        return true;
    }
    let mut index = find.end;
    while matches!(text.at(index), ' ' | ',' | '这' | '个' | '已' | '经' | '号') {
        index += 1;
    }
    text.reads_any(index, &AFTER).is_some()
}
