//! Numbers left on purpose: a relative's, given as the way to reach the customer (留个我妈电话…, 送货联系我爱人…).
//!
//! Somebody else's number is not captured, since nobody asked its owner. A household is the exception: whoever writes
//! "call my husband at …" hands over the line on which to be reached. A colleague's, a friend's or a shop's is no such line.

use super::cue::{Cue, Mark};
use super::lexicon;
use super::scene::{Find, Scene};

/// Requests to note a number or to use it. Latin ones end in a blank, so that "calling" is none.
const REQUESTS: [&str; 33] = [
    "留",
    "记",
    "写",
    "打",
    "拨",
    "填",
    "加",
    "找",
    "给",
    "发",
    "联系",
    "联络",
    "登记",
    "通知",
    "备注",
    "换成",
    "改成",
    "换",
    "改为",
    "call ",
    "text ",
    "reach ",
    "contact ",
    "ring ",
    "phone ",
    "message ",
    "email ",
    "add ",
    "try ",
    "use ",
    "note ",
    "take ",
    "put down ",
];

/// Words between the request and the relative: 留一个我妈的, 打给我老公.
const BETWEEN: &str = "我的俺咱个下一份给到您你们就请先直接 m y";

/// Words of a report, a complaint or a question why, in the clause of the request.
const TOLD: [&str; 27] = [
    "一直",
    "总是",
    "老是",
    "天天",
    "经常",
    "不停",
    "怎么",
    "为什么",
    "为啥",
    "干嘛",
    "昨天",
    "刚才",
    "刚刚",
    "已经",
    "之前",
    "当时",
    "原来",
    "以前",
    "上次",
    "有人",
    "是不是",
    "why",
    "keep",
    "did ",
    "stop ",
    "someone",
    "somebody",
];

const NEGATIONS: [&str; 13] =
    ["别", "不", "没", "勿", "甭", "不要", "不用", "不能", "没有", "不必", "don't ", "not ", "never "];

/// True if the find is a relative's and the customer asks to note or use it.
pub(super) fn on_purpose(scene: &Scene<'_>, find: &Find) -> bool {
    let is_other = |mark: &&Mark| mark.cue == Cue::Other;
    if let Some(mark) = scene.marks_after(find.end).find(is_other)
        && (mark.start - find.end) <= NEAR_MAX
        && is_relative(scene, mark)
    {
        return is_asked(scene, before_words(scene, find.start)) || is_asked_after(scene, find.end);
    }
    let Some(mark) = scene.marks_before(find.start).find(is_other) else { return false };
    let told = scene.text.text(mark.end, find.start).contains(['了', '过']);
    is_relative(scene, mark) && !told && (is_asked(scene, mark.start) || is_asked_after(scene, find.end))
}

/// 是我, 这是我的: between a number and its owner.
const NEAR_MAX: usize = 5;

fn is_relative(scene: &Scene<'_>, mark: &Mark) -> bool {
    let word = scene.text.text(mark.start, mark.end).to_lowercase();
    lexicon::RELATIVES.split('|').any(|relative| relative == word)
}

/// True if a request stands before `index`, and nothing in its clause makes it a report or forbids it.
fn is_asked(scene: &Scene<'_>, index: usize) -> bool {
    const STEPS_MAX: usize = 8;
    let mut at = index;
    for _ in 0..STEPS_MAX {
        if let Some(mut start) = request_ending(scene, at) {
            // 打给 and 联系找 are one request.
            while let Some(earlier) = request_ending(scene, start) {
                start = earlier;
            }
            return is_meant(scene, start);
        }
        if at == 0 || !BETWEEN.contains(scene.text.low(at - 1)) {
            return false;
        }
        at -= 1;
    }
    false
}

/// 打这个, 联系他就行, call him: a request that points back at the number.
fn is_asked_after(scene: &Scene<'_>, from: usize) -> bool {
    const REACH: usize = 30;
    const POINTERS: [&str; 12] =
        ["这个", "他", "她", "ta", "它", "就", "这号", "him", "her", "them", "this", "that"];
    const VERBS: [&str; 8] = ["打", "拨", "找", "联系", "联络", "打给", "call ", "ring "];
    let text = &scene.text;
    (from..from + REACH).take_while(|at| !matches!(text.at(*at), '。' | '!' | '?' | '\n' | '\0')).any(|at| {
        text.reads_any(at, &VERBS)
            .is_some_and(|length| text.reads_any(at + length, &POINTERS).is_some() && is_meant(scene, at))
    })
}

fn request_ending(scene: &Scene<'_>, end: usize) -> Option<usize> {
    REQUESTS
        .iter()
        .filter_map(|word| end.checked_sub(word.chars().count()).map(|start| (word, start)))
        .filter(|(word, start)| {
            scene.text.reads(*start, word)
                && !(word.is_ascii() && scene.text.before(*start).is_ascii_alphanumeric())
        })
        .map(|(_, start)| start)
        .min()
}

/// The request at `start` is the customer's own: not denied, not told of the past, not done by a stranger.
fn is_meant(scene: &Scene<'_>, start: usize) -> bool {
    const CLAUSE_MAX: usize = 30;
    let text = &scene.text;
    let verb = start - usize::from(text.before(start) == '再');
    let denied = NEGATIONS
        .iter()
        .any(|word| verb.checked_sub(word.chars().count()).is_some_and(|at| text.reads(at, word)));
    // "I call my son at …" tells what the writer does.
    let habit = start >= 2 && text.reads(start - 2, "i ") && !text.before(start - 2).is_ascii_alphanumeric();
    // 要不打我老公电话 proposes.
    let proposes = start >= 2 && text.reads(start - 2, "要不");
    let from = start.saturating_sub(CLAUSE_MAX);
    let clause = (from..start)
        .rev()
        .find(|at| matches!(text.at(*at), ',' | '。' | '!' | '?' | ';' | '\n' | '、'))
        .map_or(from, |at| at + 1);
    let told = (clause..start).any(|at| text.reads_any(at, &TOLD).is_some());
    let asks =
        (clause..start).any(|at| text.reads_any(at, &["让", "叫", "请", "麻烦", "please", "ask"]).is_some());
    let stranger = scene
        .marks_before(start)
        .take_while(|mark| mark.start >= clause)
        .any(|mark| mark.cue == Cue::Other && !"你您".contains(text.at(mark.start)));
    (!denied || proposes) && !told && !habit && (!stranger || asks)
}

/// Where the words for a number begin that stand right before `index`: 打电话138….
fn before_words(scene: &Scene<'_>, index: usize) -> usize {
    let mut at = index;
    while at > 0 && matches!(scene.text.at(at - 1), ' ' | ':') {
        at -= 1;
    }
    scene.mark_ending(at).filter(|mark| mark.cue == Cue::Phone && mark.end - mark.start > 1).map_or(
        at,
        |mark| {
            // 联系 and 打给 are themselves requests.
            if request_ending(scene, mark.end).is_some() { mark.end } else { mark.start }
        },
    )
}
