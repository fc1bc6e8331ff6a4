//! Owns reading knowledge from Markdown: a heading asks, a list right after it asks again, the rest answers.

use super::draft::{Draft, Field, Problem};
use super::{Drafts, Source};

pub(super) fn read<'t>(source: &Source<'_>, text: &'t str) -> Drafts<'t> {
    let mut drafts: Vec<Draft> = Vec::new();
    let mut in_list = false;
    let mut in_code = false;
    for (at, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if let Some(question) = line.strip_prefix("## ").filter(|_| !in_code) {
            let question = question.trim().trim_end_matches('#').trim().to_owned();
            drafts.push(Draft { line: at + 1, question, ..Draft::default() });
            in_list = true;
            continue;
        }
        let Some(draft) = drafts.last_mut() else { continue };
        // A heading above the questions' level groups them and belongs to no answer.
        if line.starts_with("# ") && !in_code {
            in_list = false;
            continue;
        }
        match variant(line).filter(|_| in_list) {
            Some(variant) => draft.variants.push(variant.to_owned()),
            None if in_list && line.trim().is_empty() => {}
            None => {
                in_list = false;
                draft.answer.push_str(line);
                draft.answer.push('\n');
            }
        }
    }
    if drafts.is_empty() {
        let reason = "the file has no question".to_owned();
        let remedy = "write each question as a heading: ## 多久发货";
        return Box::new(std::iter::once(Err(Problem::new(source, 1, Field::File, reason, remedy))));
    }
    Box::new(drafts.into_iter().map(|draft| Ok(settle(draft))))
}

/// An entry that is a list and nothing else has a list as its answer.
fn settle(mut draft: Draft) -> Draft {
    if draft.answer.trim().is_empty() && !draft.variants.is_empty() {
        draft.answer = draft.variants.drain(..).map(|line| format!("- {line}\n")).collect();
    }
    draft
}

fn variant(line: &str) -> Option<&str> {
    ["- ", "* ", "+ "]
        .into_iter()
        .find_map(|mark| line.strip_prefix(mark))
        .map(str::trim)
        .filter(|text| !text.is_empty())
}
