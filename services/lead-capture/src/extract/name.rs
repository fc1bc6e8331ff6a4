//! Chinese names: 我叫…, 联系人：…, …先生, or a name beside a number.

use super::cue::{Cue, Mark};
use super::fold::is_han;
use super::scene::{Find, Scene};
use super::{Form, Kind, surname};

/// How surely a name stands there, which decides how much its end must prove.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Announced {
    /// 姓名：, 我叫: the name may run into the next word.
    Surely,
    /// 我是, or only its place: it must end at a boundary.
    Perhaps,
}

pub(super) fn read(scene: &mut Scene<'_>) {
    if !scene.text.has_han() {
        return;
    }
    let marks: Vec<Mark> = scene.marks.clone();
    for mark in &marks {
        match mark.cue {
            Cue::Name => announced(scene, mark),
            Cue::Surname => family(scene, mark),
            _ => {}
        }
    }
    for mark in marks.iter().filter(|mark| mark.cue == Cue::Title) {
        titled(scene, mark);
    }
    beside_phone(scene);
    beside_company(scene);
    receiver(scene);
}

fn announced(scene: &mut Scene<'_>, mark: &Mark) {
    const SURE: [&str; 11] = [
        "我叫",
        "姓名",
        "名字",
        "联系人",
        "收件人",
        "收货人",
        "接收人",
        "签收人",
        "预约人",
        "报名人",
        "记一下",
    ];
    // 他名字叫: somebody else's.
    let before = scene.text.before(mark.start);
    // 日本人是…
    if "他她它这那店".contains(before) || before == '日' && scene.text.at(mark.start) == '本' {
        return;
    }
    let cue = scene.text.text(mark.start, mark.end);
    let announced =
        if SURE.iter().any(|word| cue.contains(word)) { Announced::Surely } else { Announced::Perhaps };
    let mut start = mark.end;
    while matches!(
        scene.text.at(start),
        ' ' | ':' | '是' | '为' | '叫' | '[' | '【' | '(' | '-' | '"' | '“' | '「' | ','
    ) && start - mark.end < 6
    {
        start += 1;
    }
    // 名字写裴思远, 姓名改成周凯.
    if announced == Announced::Surely {
        start += scene.text.reads_any(start, &["写", "填", "留", "报", "改成", "改为", "写成"]).unwrap_or(0);
    }
    if let Some(end) = full_name(scene, start, announced) {
        let confidence = if announced == Announced::Surely { 92 } else { 75 };
        add(scene, (start, end), confidence);
    } else if matches!(scene.text.at(start), '小' | '老' | '阿')
        && surname::at(&scene.text, start + 1) == Some(1)
        && !surname::begins_word(&scene.text, start)
    {
        // 叫我小王就行.
        let end = start + 2;
        let after = scene.text.at(end);
        if !is_han(after) || matches!(after, '就' | '吧' | '即' | '好' | ',') || scene.mark_at(end).is_some()
        {
            add_family(scene, (start, end), scene.text.written(start + 1, end).to_owned(), 65);
        }
    }
}

/// 我姓王, 免贵姓欧阳.
fn family(scene: &mut Scene<'_>, mark: &Mark) {
    let text = &scene.text;
    // 姓 alone must be the writer's: 主角姓秦 is not.
    let alone = mark.end - mark.start == 1;
    if alone && is_han(text.before(mark.start)) && !matches!(text.before(mark.start), '我' | '人') {
        return;
    }
    let start = text.skip_blanks(mark.end);
    let Some(length) = surname::at(text, start) else { return };
    // 姓杨的男孩 are others.
    let others = alone && text.at(start + length) == '的';
    if !surname::begins_word(text, start) && !others {
        add_family(scene, (start, start + length), scene.text.written(start, start + length).to_owned(), 90);
    }
}

/// 周经理, （秦先生）, 王小明女士.
fn titled(scene: &mut Scene<'_>, mark: &Mark) {
    let text = &scene.text;
    let long = mark.end - mark.start >= 2;
    let closes = !is_han(text.at(mark.end)) || scene.mark_at(mark.end).is_some();
    // 王总 must end there: 总 begins many words. 王经理您好 greets another.
    if !long && !closes || text.reads(mark.end, "您好") || text.reads(mark.end, "你好") {
        return;
    }
    for count in 1..=4 {
        let Some(start) = mark.start.checked_sub(count) else { return };
        if !is_han(text.at(start)) || scene.is_taken(start, mark.start) {
            return;
        }
        let Some(length) = surname::at(text, start) else { continue };
        if !opens(scene, start) || count > length + 2 || surname::begins_word(text, start) {
            continue;
        }
        // 和同学, 来经理, 时小姐: a rare family name there is a word.
        if length == 1 && !surname::is_frequent(text.at(start)) || !is_meant(scene, start) {
            return;
        }
        let span = (start, mark.start);
        if count == length {
            add_family(scene, span, text.written(start, mark.start).to_owned(), if long { 88 } else { 70 });
        } else if long && full_name(scene, start, Announced::Perhaps) == Some(mark.start) {
            add(scene, span, 80);
        } else {
            continue;
        }
        return;
    }
}

/// People talk of 徐阿姨 and 唐总 all day. One is the writer's contact only beside a way to reach them, or if said so.
fn is_meant(scene: &Scene<'_>, start: usize) -> bool {
    let said = |mark: &Mark| matches!(mark.cue, Cue::Name | Cue::Surname);
    scene.finds().iter().any(|find| find.kind.reaches())
        || scene.mark_ending(start).is_some_and(said)
        || ["联系人:", "收件人:", "收货人:"]
            .iter()
            .any(|word| start >= 4 && scene.text.reads(start - 4, word))
}

/// True if a name may begin here: at a boundary or behind a word that leads to a person.
fn opens(scene: &Scene<'_>, start: usize) -> bool {
    let text = &scene.text;
    let before = text.before(start);
    if !is_han(before) {
        return true;
    }
    let foreign = scene.mark_ending(start).is_some_and(|mark| mark.cue == Cue::Other);
    !foreign
        && ("找我是叫姓的和跟给让请联系为名位约问帮".contains(before) || scene.mark_ending(start).is_some())
}

/// The end of a full name that begins at `start`.
fn full_name(scene: &Scene<'_>, start: usize, announced: Announced) -> Option<usize> {
    const GIVEN_MAX: usize = 2;
    let text = &scene.text;
    let family = surname::at(text, start)?;
    if scene.is_taken(start, start + family) {
        return None;
    }
    let given = start + family;
    let mut end = given;
    while end < given + GIVEN_MAX && !ends_name(scene, end, end == given) {
        end += 1;
    }
    if end == given {
        return None;
    }
    // 我叫白天国 is a name although 白天 is a word; 联系人方便吗 is none.
    let whole = end == given + GIVEN_MAX && !is_han(text.at(end)) && announced == Announced::Surely;
    if surname::begins_word(text, start) && !whole {
        return None;
    }
    let closed = ends_name(scene, end, false);
    (closed || announced == Announced::Surely).then_some(end)
}

/// True if the name is over before `index`.
fn ends_name(scene: &Scene<'_>, index: usize, is_first: bool) -> bool {
    const GRAMMAR: &str = "姓的是在想要我你他她您了吗呢吧啊呀这那就不没请让把给跟也收";
    const WORDS: [&str; 9] = ["来自", "今年", "今天", "明天", "现在", "可以", "需要", "有空", "男"];
    let text = &scene.text;
    let c = text.at(index);
    !is_han(c)
        || GRAMMAR.contains(c)
        || scene.is_taken(index, index + 1)
        || text.reads_any(index, &WORDS).is_some()
        // A given name may hold a character that is a cue alone: 王姓, 李总.
        || scene.mark_at(index).is_some_and(|mark| mark.end - mark.start > 1 || mark.cue == Cue::Title && !is_first)
}

/// 王小明，138… and 138… 王小明: nothing but the name between boundaries.
fn beside_phone(scene: &mut Scene<'_>) {
    let phones: Vec<(usize, usize)> = scene
        .finds()
        .iter()
        .filter(|find| find.kind == Kind::Phone && !find.foreign)
        .map(|find| (find.start, find.end))
        .collect();
    for (start, end) in phones {
        let mut stop = start;
        loop {
            let before = stop;
            while stop > 0
                && matches!(scene.text.at(stop - 1), ' ' | ',' | ':' | '、' | '-' | '/' | '(' | '\n' | '|')
            {
                stop -= 1;
            }
            if let Some(mark) = scene.mark_ending(stop).filter(|mark| mark.cue == Cue::Phone) {
                stop = mark.start;
            }
            if stop == before {
                break;
            }
        }
        let from = (0..stop).rev().find(|at| !is_han(scene.text.at(*at))).map_or(0, |at| at + 1);
        let apart = stop < start || stop > 0 && from == 0;
        if apart && full_name(scene, from, Announced::Perhaps) == Some(stop) {
            add(scene, (from, stop), 78);
            continue;
        }
        let mut from = end;
        while matches!(scene.text.at(from), ' ' | ',' | '、' | '-' | '/' | '(' | '\n' | '|') && from - end < 3
        {
            from += 1;
        }
        // 138… 找王小明, 138…，叫王小明.
        let named = usize::from(matches!(scene.text.at(from), '找' | '叫'));
        from += named;
        if from > end
            && let Some(stop) = full_name(scene, from, Announced::Perhaps)
            && !is_han(scene.text.at(stop))
        {
            add(scene, (from, stop), 65);
        }
    }
}

/// …有限公司的戴雪燕，.
fn beside_company(scene: &mut Scene<'_>) {
    let ends: Vec<usize> =
        scene.finds().iter().filter(|find| find.kind == Kind::Company).map(|find| find.end).collect();
    for end in ends {
        let start = scene.text.skip_blanks(end + 1);
        if !matches!(scene.text.at(end), '的' | ' ' | ',') {
            continue;
        }
        if let Some(stop) = full_name(scene, start, Announced::Perhaps) {
            add(scene, (start, stop), 82);
        }
    }
}

/// ，周佑艳收，: the receiver of a parcel.
fn receiver(scene: &mut Scene<'_>) {
    for index in 2..scene.text.len() {
        if scene.text.at(index) != '收' || is_han(scene.text.at(index + 1)) {
            continue;
        }
        for count in 2..=4 {
            let Some(start) = index.checked_sub(count) else { break };
            if !is_han(scene.text.before(start)) && full_name(scene, start, Announced::Perhaps) == Some(index)
            {
                add(scene, (start, index), 82);
                break;
            }
        }
    }
}

fn add(scene: &mut Scene<'_>, (start, end): (usize, usize), confidence: u8) {
    let norm = scene.text.written(start, end).to_owned();
    scene.add(Find::new(Kind::Name, (start, end), norm, confidence));
}

fn add_family(scene: &mut Scene<'_>, span: (usize, usize), norm: String, confidence: u8) {
    let mut find = Find::new(Kind::Name, span, norm, confidence);
    find.form = Some(Form::Surname);
    scene.add(find);
}
