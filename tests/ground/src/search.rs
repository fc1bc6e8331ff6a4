//! Looking for a text through every byte of a folder, in each form that it may have taken.

use crate::Place;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::path::Path;
use std::process::Command;

/// All forms of a text, each with its name.
fn forms(text: &str) -> Vec<(String, Vec<u8>)> {
    let mut forms = vec![
        ("utf-8".to_owned(), text.as_bytes().to_vec()),
        ("utf-16le".to_owned(), text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("utf-16be".to_owned(), text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
    ];
    for (name, upper) in [("url", true), ("url lower", false)] {
        let escaped = |byte: u8| if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") };
        let write = |byte: u8| {
            if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { escaped(byte) }
        };
        forms.push((name.to_owned(), text.bytes().map(write).collect::<String>().into_bytes()));
    }
    for shift in 0..3 {
        for (name, engine) in [("base64", &STANDARD_NO_PAD), ("base64url", &URL_SAFE_NO_PAD)] {
            forms.push((format!("{name} at {shift}"), aligned(engine, text, shift)));
        }
    }
    forms
}

/// The part of the encoding that the text alone decides, when `shift` bytes modulo three come before it.
fn aligned(engine: &impl Engine, text: &str, shift: usize) -> Vec<u8> {
    let mut bytes = vec![0; shift];
    bytes.extend(text.bytes());
    let encoded = engine.encode(&bytes).into_bytes();
    let start = (shift * 8).div_ceil(6);
    let end = bytes.len() * 8 / 6;
    encoded[start..end].to_vec()
}

/// What a place's files hold of a text and, on Postgres, a dump of its database.
///
/// # Panics
/// When a file cannot be read or the database cannot be dumped.
pub fn everywhere(place: &Place, text: &str) -> Vec<String> {
    let mut found = holders(&place.folder, text);
    if let Some(url) = &place.url {
        let dump = Command::new("pg_dump").arg(url).output().expect("pg_dump is installed");
        assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
        found.extend(held_in(&dump.stdout, text).into_iter().map(|form| format!("the dump holds {form}")));
    }
    found
}

/// Files under the folder that hold a form of the text, each with the form's name.
///
/// # Panics
/// When a file cannot be read. What vanishes meanwhile holds nothing.
pub fn holders(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    visit(folder, &forms(text), &mut found);
    found
}

/// The forms of the text that the bytes hold.
pub fn held_in(bytes: &[u8], text: &str) -> Vec<String> {
    let held = |(_, form): &(String, Vec<u8>)| contains(bytes, form);
    forms(text).into_iter().filter(held).map(|(name, _)| name).collect()
}

fn visit(folder: &Path, forms: &[(String, Vec<u8>)], found: &mut Vec<String>) {
    let Some(entries) = there(std::fs::read_dir(folder)) else { return };
    for entry in entries {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            visit(&path, forms, found);
            continue;
        }
        let Some(bytes) = there(std::fs::read(&path)) else { continue };
        let held = forms.iter().filter(|(_, form)| contains(&bytes, form));
        found.extend(held.map(|(name, _)| format!("{} holds {name}", path.display())));
    }
}

fn there<T>(result: std::io::Result<T>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => panic!("{error}"),
    }
}

fn contains(bytes: &[u8], form: &[u8]) -> bool {
    bytes.windows(form.len()).any(|window| window == form)
}

#[test]
fn every_form_is_found_wherever_it_lies() {
    let text = "我的手机 13800138000";
    for before in ["", "a", "ab", "abc"] {
        let around = format!("{before}{text}after");
        assert!(held_in(around.as_bytes(), text).contains(&"utf-8".to_owned()));
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let encoded = engine.encode(&around);
            let held = held_in(encoded.as_bytes(), text);
            assert!(held.iter().any(|form| form.starts_with("base64")), "{before}");
        }
        let utf_16: Vec<u8> = around.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(held_in(&utf_16, text), ["utf-16le"]);
    }
    assert!(held_in(b"nothing of it", text).is_empty());
}
