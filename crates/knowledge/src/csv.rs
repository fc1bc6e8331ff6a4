//! Owns reading knowledge from CSV as spreadsheets write it.

use super::draft::{Draft, Field, Problem};
use super::{Drafts, Source};

#[derive(Clone, Copy, Default)]
struct Columns {
    id: Option<usize>,
    question: Option<usize>,
    variants: Option<usize>,
    answer: Option<usize>,
    valid_from: Option<usize>,
    valid_until: Option<usize>,
}

impl Columns {
    fn of(header: &csv::StringRecord) -> Columns {
        let mut columns = Columns::default();
        for (at, name) in header.iter().enumerate() {
            let column = match name.trim().to_lowercase().as_str() {
                "id" | "编号" => &mut columns.id,
                "question" | "问题" | "標準問題" | "標準问题" | "问" | "問題" | "标准问题" => {
                    &mut columns.question
                }
                "variants" | "similar" | "变体" | "變體" | "相似问" | "相似问题" | "相似問題" => {
                    &mut columns.variants
                }
                "answer" | "答案" | "回答" | "答" => &mut columns.answer,
                "valid_from" | "生效时间" | "生效日期" => &mut columns.valid_from,
                "valid_until" | "失效时间" | "失效日期" => &mut columns.valid_until,
                _ => continue,
            };
            column.get_or_insert(at);
        }
        columns
    }
}

/// Spreadsheets write commas, semicolons or tabs, depending on where they were bought: the header tells.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().next().unwrap_or("");
    let count = |mark: char| header.matches(mark).count();
    [('\t', b'\t'), (';', b';')]
        .into_iter()
        .find(|(mark, _)| count(*mark) > count(','))
        .map_or(b',', |(_, byte)| byte)
}

pub(super) fn read<'t>(source: &'t Source<'_>, text: &'t str) -> Drafts<'t> {
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).delimiter(delimiter(text)).from_reader(text.as_bytes());
    let columns = match reader.headers() {
        Ok(header) => Columns::of(header),
        Err(_) => Columns::default(),
    };
    let (Some(_), Some(answer)) = (columns.question, columns.answer) else {
        let missing = if columns.question.is_none() { "question (问题)" } else { "answer (答案)" };
        let reason = format!("the header has no column {missing}");
        let remedy = "let the first line be: question,variants,answer (or 问题,变体,答案)";
        return Box::new(std::iter::once(Err(Problem::new(source, 1, Field::File, reason, remedy))));
    };
    Box::new(reader.into_records().filter_map(move |record| one(source, &columns, answer, record)))
}

/// A record as an entry; none for an empty line.
fn one(
    source: &Source<'_>,
    columns: &Columns,
    answer: usize,
    record: csv::Result<csv::StringRecord>,
) -> Option<Result<Draft, Problem>> {
    let record = match record {
        Ok(record) => record,
        Err(error) => {
            let line = error.position().map_or(0, |position| position.line()) as usize;
            let reason = format!("the line cannot be read ({error})");
            let remedy = "check its quotation marks";
            return Some(Err(Problem::new(source, line, Field::Entry, reason, remedy)));
        }
    };
    let line = record.position().map_or(0, |position| position.line()) as usize;
    if record.iter().all(|cell| cell.trim().is_empty()) {
        return None;
    }
    let cell = |column: Option<usize>| column.and_then(|at| record.get(at)).map(str::to_owned);
    let question = cell(columns.question);
    if record.get(answer).is_none() && question.is_some() {
        let reason =
            format!("the line has {} columns, the answer would be column {}", record.len(), answer + 1);
        let remedy = "fill the column; put texts that contain commas in quotation marks";
        return Some(Err(Problem::new(source, line, Field::Answer, reason, remedy)));
    }
    let variants = cell(columns.variants).unwrap_or_default();
    Some(Ok(Draft {
        line,
        id: cell(columns.id),
        question: question.unwrap_or_default(),
        variants: variants.split(['|', '｜']).map(str::to_owned).collect(),
        answer: cell(columns.answer).unwrap_or_default(),
        valid_from: cell(columns.valid_from),
        valid_until: cell(columns.valid_until),
        ..Draft::default()
    }))
}
