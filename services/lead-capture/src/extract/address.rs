//! Chinese postal addresses: regions, road and number, then building, unit, room.

use super::Kind;
use super::cue::Cue;
use super::fold::is_han;
use super::scene::{Find, Scene};

/// Characters before the road's name that are still believed to belong to it.
const HEAD_MAX: usize = 40;
/// Parts behind the house number: estate, building, unit, floor, room.
const TAIL_PARTS_MAX: usize = 6;

pub(super) fn read(scene: &mut Scene<'_>) {
    if !scene.text.has_han() {
        return;
    }
    let mut index = 0;
    while index < scene.text.len() {
        let Some(number_end) = house(scene, index) else {
            index += 1;
            continue;
        };
        let start = head(scene, index);
        let end = tail(scene, number_end);
        if start < index {
            let norm = scene.text.written(start, end).to_owned();
            scene.add(Find::new(Kind::Address, (start, end), norm, 88));
        }
        index = end;
    }
    announced(scene);
}

/// A road's last character at `index` with a house number behind it; returns the number's end.
fn house(scene: &Scene<'_>, index: usize) -> Option<usize> {
    const ROADS: &str = "路街巷道弄同村里屯组段镇乡园庄坊";
    let text = &scene.text;
    if !ROADS.contains(text.at(index)) {
        return None;
    }
    let digits = text.skip_blanks(index + 1);
    let mut end = digits;
    while is_number(text.at(end)) || text.at(end) == '-' && end > digits {
        end += 1;
    }
    if end == digits || end - digits > 9 {
        return None;
    }
    let length = text.reads_any(end, &["号", "号院", "号楼", "弄", "栋", "幢", "号附", "之"])?;
    Some(end + length)
}

fn is_number(c: char) -> bool {
    c.is_ascii_digit() || "一二三四五六七八九十百〇零".contains(c)
}

/// Where the address begins: back to punctuation, a cue, or a word that leads to a place.
fn head(scene: &Scene<'_>, road: usize) -> usize {
    const STOPS: &str = "到寄址是在给送我把为住换您你";
    const STOP_WORDS: [&str; 11] =
        ["改成", "换成", "变成", "写成", "发往", "寄往", "位于", "家里", "公司", "改到", "发货"];
    let text = &scene.text;
    let mut start = road;
    while start > 0 && road - start < HEAD_MAX {
        let c = text.at(start - 1);
        if c == ' ' {
            // 北京市  平谷区: blanks between regions only.
            let before = (0..start).rev().find(|at| text.at(*at) != ' ');
            if before.is_some_and(|at| "省市区县州盟旗镇乡".contains(text.at(at))) {
                start -= 1;
                continue;
            }
            break;
        }
        let stops = STOPS.contains(c)
            || STOP_WORDS.iter().any(|word| start >= 2 && text.reads(start - 2, word))
            || scene
                .marks
                .iter()
                .any(|mark| mark.end == start && matches!(mark.cue, Cue::Address | Cue::Own | Cue::Name));
        if !(is_han(c) || c.is_ascii_digit() && start > 1 && is_han(text.at(start - 2)))
            || stops
            || scene.is_taken(start - 1, start)
        {
            break;
        }
        start -= 1;
    }
    text.trim(start, road).0
}

/// Where it ends: behind the last part that reads like a building, a floor or a room.
fn tail(scene: &Scene<'_>, from: usize) -> usize {
    let mut end = from;
    for _ in 0..TAIL_PARTS_MAX {
        match part(scene, end) {
            // Nothing follows a room; what comes next is another address.
            Some(next) if "室户".contains(scene.text.before(next)) => return next,
            Some(next) => end = next,
            None => break,
        }
    }
    end
}

/// 阳光花园3号楼, B座, 2单元, 2249室, 2031.
fn part(scene: &Scene<'_>, from: usize) -> Option<usize> {
    const NAME_MAX: usize = 12;
    const UNITS: [&str; 16] =
        ["号楼", "号院", "号", "栋", "幢", "座", "单元", "层", "楼", "室", "户", "门", "期", "区", "f", "#"];
    const PLACES: [&str; 26] = [
        "小区",
        "花园",
        "公寓",
        "大厦",
        "广场",
        "写字楼",
        "家园",
        "苑",
        "城",
        "中心",
        "园区",
        "工业园",
        "科技园",
        "公馆",
        "学校",
        "大学",
        "医院",
        "学院",
        "宿舍",
        "庄园",
        "新村",
        "府",
        "湾",
        "国际",
        "商场",
        "大楼",
    ];
    let text = &scene.text;
    let start = if text.at(from) == ' ' || text.at(from) == '-' { from + 1 } else { from };
    let mut index = start;
    while index - start < NAME_MAX && is_han(text.at(index)) && !scene.is_taken(index, index + 1) {
        if scene.mark_at(index).is_some_and(|mark| mark.end - mark.start > 1) {
            break;
        }
        index += 1;
    }
    let name_end = index;
    while text.at(index).is_ascii_alphanumeric() && index - name_end < 6 {
        index += 1;
    }
    let numbered = index > name_end;
    if numbered && !scene.is_taken(name_end, index) && !text.at(index).is_ascii_alphanumeric() {
        if let Some(length) = text.reads_any(index, &UNITS) {
            return Some(index + length);
        }
        // A bare room number directly behind a unit.
        let bare = name_end == start && "座元楼层栋幢室号".contains(text.before(from));
        let figures = (name_end..index).all(|at| text.at(at).is_ascii_digit());
        if bare && figures && !matches!(text.at(index), '元' | '块' | '.') {
            return Some(index);
        }
    }
    // A place's name with no number behind it.
    (start + 2..=name_end)
        .rev()
        .find(|end| {
            PLACES.iter().any(|place| {
                let length = place.chars().count();
                *end >= start + length && text.reads(end - length, place)
            })
        })
        .filter(|end| *end > from)
}

/// 地址：广东省深圳市南山区科技园: regions behind the word, without a house number.
fn announced(scene: &mut Scene<'_>) {
    const REGIONS: &str = "省市区县州盟旗镇乡村路街道巷";
    let starts: Vec<usize> =
        scene.marks.iter().filter(|mark| mark.cue == Cue::Address).map(|mark| mark.end).collect();
    for mark_end in starts {
        let mut start = mark_end;
        while matches!(scene.text.at(start), ' ' | ':' | '是' | '为' | '改' | '成' | '在' | '到')
            && start - mark_end < 6
        {
            start += 1;
        }
        let end = (start..scene.text.len())
            .find(|at| {
                !(is_han(scene.text.at(*at))
                    || scene.text.at(*at).is_ascii_alphanumeric()
                    || matches!(scene.text.at(*at), '-' | '#' | '(' | ')'))
            })
            .unwrap_or(scene.text.len());
        let regions = (start + 1..end).filter(|at| REGIONS.contains(scene.text.at(*at))).count();
        let asks = (start..end).any(|at| "吗呢哪怎的".contains(scene.text.at(at)));
        if regions >= 2 && end - start >= 6 && !asks {
            let norm = scene.text.written(start, end).to_owned();
            scene.add(Find::new(Kind::Address, (start, end), norm, 70));
        }
    }
}
