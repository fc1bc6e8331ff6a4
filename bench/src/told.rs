//! What the suite itself tells of an answer's stages, read from its metrics.

use crate::figure::Figure;
use std::collections::BTreeMap;

/// Seconds and how often, by stage.
type Stages = BTreeMap<String, (f64, f64)>;

/// Reads the sums and counts of the stages out of a page of metrics.
pub(crate) fn stages(page: &str) -> Stages {
    let mut found = Stages::new();
    for line in page.lines().filter(|line| line.contains("ingest_stage")) {
        let Some((series, value)) = line.rsplit_once(' ') else { continue };
        let stage = series.split("stage=\"").nth(1).and_then(|rest| rest.split('"').next());
        let (Some(stage), Ok(value)) = (stage, value.parse::<f64>()) else { continue };
        let name = series.split('{').next().unwrap_or_default();
        let (seconds, count) = found.entry(stage.to_owned()).or_default();
        if name.ends_with("_sum") {
            *seconds += value;
        } else if name.ends_with("_count") {
            *count += value;
        }
    }
    found
}

/// How long each stage took on average between two looks.
pub(crate) fn table(name: &str, before: &Stages, after: &Stages) -> Vec<Figure> {
    let each = |(stage, (seconds, count)): (&String, &(f64, f64))| {
        let (seconds_before, count_before) = before.get(stage).copied().unwrap_or_default();
        let mean = (seconds - seconds_before) * 1e6 / (count - count_before);
        Figure::stated(&format!("stage of an answer under load, mean, {name}: {stage}"), mean, "us")
    };
    after.iter().map(each).collect()
}

#[test]
fn the_mean_of_a_stage_is_of_what_happened_between_two_looks() {
    let page = |sum: f64, count: u32| {
        format!(
            "# HELP tributary_ingest_stage_seconds Time\n\
             tributary_ingest_stage_seconds_bucket{{stage=\"answer\",le=\"1\"}} 9\n\
             tributary_ingest_stage_seconds_sum{{stage=\"answer\",a=\"b\"}} {sum}\n\
             tributary_ingest_stage_seconds_count{{stage=\"answer\",a=\"b\"}} {count}\n"
        )
    };
    let table = table("x", &stages(&page(1.0, 10)), &stages(&page(2.0, 30)));
    assert_eq!(table.len(), 1);
    assert!((table[0].value - 50_000.0).abs() < 1e-6);
}
