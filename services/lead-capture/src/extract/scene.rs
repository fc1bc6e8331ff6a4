//! A message while it is read: folded text, cue words, and what has been found so far.

use super::cue::{self, Cue, Mark};
use super::fold::Folded;
use super::{Detail, Form, Kind, Whose, form, owner};

/// How far back a cue still speaks for a value, in characters.
const CUE_REACH_MAX: usize = 60;

/// A value found, in folded indices.
pub(super) struct Find {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) norm: String,
    pub(super) confidence: u8,
    /// Somebody else's by its very shape, as a service line.
    pub(super) foreign: bool,
    pub(super) form: Option<Form>,
}

impl Find {
    pub(super) fn new(kind: Kind, (start, end): (usize, usize), norm: String, confidence: u8) -> Self {
        Self { kind, start, end, norm, confidence, foreign: false, form: None }
    }
}

pub(super) struct Scene<'a> {
    pub(super) text: Folded<'a>,
    pub(super) marks: Vec<Mark>,
    /// Sorted, without overlap.
    finds: Vec<Find>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        let text = Folded::new(source);
        let marks = cue::marks(&text);
        Self { text, marks, finds: Vec::new() }
    }

    pub(super) fn add(&mut self, find: Find) {
        if find.start < find.end && find.end <= self.text.len() && !self.is_taken(find.start, find.end) {
            let place = self.finds.partition_point(|other| other.start < find.start);
            self.finds.insert(place, find);
        }
    }

    pub(super) fn is_taken(&self, start: usize, end: usize) -> bool {
        // Finds do not overlap, so the last that begins before the end decides.
        let before = self.finds.partition_point(|find| find.start < end);
        before > 0 && self.finds[before - 1].end > start
    }

    /// The end of the find that covers `index`.
    pub(super) fn taken_until(&self, index: usize) -> Option<usize> {
        let before = self.finds.partition_point(|find| find.start <= index);
        self.finds[..before].last().map(|find| find.end).filter(|end| index < *end)
    }

    pub(super) fn finds(&self) -> &[Find] {
        &self.finds
    }

    pub(super) fn mark_at(&self, index: usize) -> Option<&Mark> {
        let place = self.marks.binary_search_by_key(&index, |mark| mark.start).ok()?;
        self.marks.get(place)
    }

    /// The cue word that ends right before `index`.
    pub(super) fn mark_ending(&self, index: usize) -> Option<&Mark> {
        let place = self.marks.binary_search_by_key(&index, |mark| mark.end).ok()?;
        self.marks.get(place)
    }

    /// Cue words that end at or before `index` in its sentence, the nearest first.
    pub(super) fn marks_before(&self, index: usize) -> impl Iterator<Item = &Mark> {
        let from = self.sentence_start(index);
        let until = self.marks.partition_point(|mark| mark.end <= index);
        self.marks[..until].iter().rev().take_while(move |mark| mark.start >= from)
    }

    /// Cue words that begin at or after `index` in its sentence.
    pub(super) fn marks_after(&self, index: usize) -> impl Iterator<Item = &Mark> {
        let to = self.sentence_end(index);
        let first = self.marks.partition_point(|mark| mark.start < index);
        self.marks[first..].iter().take_while(move |mark| mark.end <= to)
    }

    /// True if a word before `index` in its sentence announces a phone number or the writer, and none closer another thing.
    pub(super) fn is_called(&self, index: usize) -> bool {
        self.marks_before(index)
            .find(|mark| !matches!(mark.cue, Cue::Other | Cue::Title | Cue::Company | Cue::Address))
            .is_some_and(|mark| match mark.cue {
                Cue::Phone => true,
                // "my" and 我的 may own anything; 打我 and "reach me at" want a number.
                Cue::Own => {
                    let cue = self.text.text(mark.start, mark.end).to_lowercase();
                    cue.contains("me") || "打联找回呼".contains(self.text.at(mark.start))
                }
                Cue::Name => self.text.reads(mark.start, "contact") || self.text.reads(mark.start, "联系人"),
                _ => false,
            })
    }

    /// Where the sentence of `index` begins, or how far back a cue speaks.
    fn sentence_start(&self, index: usize) -> usize {
        let from = index.saturating_sub(CUE_REACH_MAX);
        (from..index).rev().find(|at| ends_sentence(self.text.at(*at))).map_or(from, |at| at + 1)
    }

    fn sentence_end(&self, index: usize) -> usize {
        let to = index + CUE_REACH_MAX;
        (index..to).find(|at| ends_sentence(self.text.at(*at))).unwrap_or(to)
    }

    pub(super) fn into_details(self) -> Vec<Detail> {
        self.finds.iter().map(|find| self.detail(find)).collect()
    }

    fn detail(&self, find: &Find) -> Detail {
        let (start, end) = self.text.points(find.start, find.end);
        let value = self.text.written(find.start, find.end).to_owned();
        let whose = if find.foreign { Whose::Other } else { owner::of(self, find) };
        Detail {
            kind: find.kind,
            start,
            end,
            form: find.form.unwrap_or_else(|| form::of(find.kind, &value)),
            value,
            norm: find.norm.clone(),
            whose,
            confidence: find.confidence,
            also_wechat: find.kind == Kind::Phone && self.is_also_wechat(find),
        }
    }

    /// 微信同号 before or after the number, or a number right behind the word WeChat.
    fn is_also_wechat(&self, find: &Find) -> bool {
        let near = |mark: &&Mark| mark.cue == Cue::Wechat;
        let same = |mark: &Mark| {
            (mark.end..mark.end + 4).any(|at| self.text.at(at) == '同')
                || mark.end + 3 >= find.start && mark.end <= find.start
        };
        self.marks_before(find.start).filter(near).any(same)
            || self
                .marks_after(find.end)
                .filter(near)
                .any(|mark| (mark.end..mark.end + 4).any(|at| self.text.at(at) == '同'))
            || self.text.reads(find.end + usize::from(!super::fold::is_han(self.text.at(find.end))), "微信同")
    }
}

fn ends_sentence(c: char) -> bool {
    matches!(c, '。' | '!' | '?' | '\n' | ';' | '…')
}
