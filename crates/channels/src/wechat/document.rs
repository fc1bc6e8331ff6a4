//! A pushed body, XML or JSON, as a flat list of its fields.

use crate::text;
use quick_xml::events::{BytesRef, Event};
use quick_xml::reader::Reader;
use serde_json::Value;

/// The platform's bodies are a few kilobytes; what is larger is not from it.
const SIZE_MAX_BYTES: usize = 1 << 20;
const DEPTH_MAX: usize = 8;
const FIELDS_MAX: usize = 1024;
/// Of a name with all its parents', which each field has for itself: the platform's are below a hundred.
const NAME_MAX_BYTES: usize = 512;

/// The fields of a body in its order. Nested names are joined by dots, the root's is left out.
#[derive(Debug, PartialEq, Eq)]
pub struct Document {
    fields: Vec<(String, String)>,
}

impl Document {
    /// Reads XML or JSON, told apart by the first character.
    ///
    /// # Errors
    /// Words that say what is wrong: not well-formed, a document type, too deep, too many fields, a name too long, too large.
    pub fn parse(body: &[u8]) -> Result<Self, &'static str> {
        if body.len() > SIZE_MAX_BYTES {
            return Err("it is too large");
        }
        let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body).trim_ascii();
        match body.first() {
            Some(b'{') => from_json(&text::mend_json(body)),
            Some(b'<') => from_xml(&String::from_utf8_lossy(body)),
            _ => Err("it is neither XML nor JSON"),
        }
    }

    /// The first field of that name that is not blank. The first one counts, so that text which breaks out of its
    /// element cannot overwrite the sender that stands before it.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.fields.iter().find(|(key, _)| key == name)?;
        Some(value.as_str()).filter(|value| !value.trim().is_empty())
    }

    /// All fields, in the order of the body.
    pub fn fields(&self) -> &[(String, String)] {
        &self.fields
    }

    fn push(&mut self, name: String, value: String) -> Result<(), &'static str> {
        if self.fields.len() == FIELDS_MAX {
            return Err("it has too many fields");
        }
        if name.len() > NAME_MAX_BYTES {
            return Err("it has a name that is too long");
        }
        self.fields.push((name, value));
        Ok(())
    }
}

fn from_json(body: &str) -> Result<Document, &'static str> {
    let value: Value = serde_json::from_str(body).map_err(|_| "it is no JSON")?;
    let mut document = Document { fields: Vec::new() };
    flatten(&mut document, String::new(), value, 0)?;
    Ok(document)
}

fn flatten(document: &mut Document, name: String, value: Value, depth: usize) -> Result<(), &'static str> {
    if depth > DEPTH_MAX {
        return Err("it is nested too deeply");
    }
    match value {
        Value::Object(members) => members.into_iter().try_for_each(|(key, value)| {
            let name = if name.is_empty() { key } else { format!("{name}.{key}") };
            flatten(document, name, value, depth + 1)
        }),
        Value::Array(values) => {
            values.into_iter().try_for_each(|value| flatten(document, name.clone(), value, depth + 1))
        }
        Value::String(value) => document.push(name, value),
        Value::Null => Ok(()),
        other => document.push(name, other.to_string()),
    }
}

/// An element that is open while reading.
struct Open {
    name: String,
    text: String,
    /// Where its content begins.
    from: usize,
    has_children: bool,
    has_section: bool,
    /// Whether there is text beside its CDATA sections.
    has_loose_text: bool,
}

fn from_xml(xml: &str) -> Result<Document, &'static str> {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().allow_dangling_amp = true;
    let mut document = Document { fields: Vec::new() };
    let mut open: Vec<Open> = Vec::new();
    let mut closed = false;
    loop {
        let before = reader.buffer_position() as usize;
        let event = reader.read_event().map_err(|_| "it is no well-formed XML")?;
        match event {
            Event::Start(start) => {
                if closed || open.len() == DEPTH_MAX {
                    return Err(if closed { "it has several roots" } else { "it is nested too deeply" });
                }
                let from = reader.buffer_position() as usize;
                push_open(&mut open, start.name().as_ref(), from);
            }
            Event::Empty(_) if closed => return Err("it has several roots"),
            Event::Empty(start) => {
                push_open(&mut open, start.name().as_ref(), before);
                close(&mut document, &mut open, xml, before)?;
                closed = open.is_empty();
            }
            Event::End(_) => {
                close(&mut document, &mut open, xml, before)?;
                closed = open.is_empty();
            }
            Event::Text(text) => loose(&mut open, &text),
            Event::GeneralRef(reference) => loose(&mut open, &resolve(&reference)),
            Event::CData(section) => {
                if let Some(element) = open.last_mut() {
                    element.has_section = true;
                    element.text.push_str(&section);
                }
            }
            // External entities and entity bombs need one of these; the platform sends none.
            Event::DocType(_) => return Err("it has a document type"),
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::Eof if closed => return Ok(document),
            Event::Eof => return Err("it ends too early"),
        }
    }
}

fn push_open(open: &mut Vec<Open>, name: &str, from: usize) {
    if let Some(parent) = open.last_mut() {
        parent.has_children = true;
    }
    open.push(Open {
        name: name.to_owned(),
        text: String::new(),
        from,
        has_children: false,
        has_section: false,
        has_loose_text: false,
    });
}

fn loose(open: &mut [Open], text: &str) {
    if let Some(element) = open.last_mut() {
        element.has_loose_text |= !text.trim().is_empty();
        element.text.push_str(text);
    }
}

/// Only the five names of the standard and character numbers mean something; nothing else is expanded.
fn resolve(reference: &BytesRef<'_>) -> String {
    if let Ok(Some(c)) = reference.resolve_char_ref() {
        return c.to_string();
    }
    let name: &str = reference;
    match name {
        "amp" => "&".into(),
        "lt" => "<".into(),
        "gt" => ">".into(),
        "quot" => "\"".into(),
        "apos" => "'".into(),
        other => format!("&{other};"),
    }
}

/// Ends the innermost element; one without children is a field.
fn close(document: &mut Document, open: &mut Vec<Open>, xml: &str, end: usize) -> Result<(), &'static str> {
    let Some(element) = open.pop() else { return Err("it is no well-formed XML") };
    if element.has_children {
        return Ok(());
    }
    let value = broken_section(&element, xml, end).unwrap_or(element.text);
    let mut path: Vec<&str> = open.iter().skip(1).map(|parent| parent.name.as_str()).collect();
    path.push(&element.name);
    document.push(path.join("."), value)
}

/// The whole of a section whose text held `]]>` unescaped: what follows it looks like loose text, but belongs to
/// what the user typed.
fn broken_section(element: &Open, xml: &str, end: usize) -> Option<String> {
    if !element.has_section || !element.has_loose_text {
        return None;
    }
    let inner = xml.get(element.from..end)?.trim().strip_prefix("<![CDATA[")?.strip_suffix("]]>")?;
    Some(inner.replace("]]]]><![CDATA[>", "]]>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(inner: &str) -> Option<String> {
        let document =
            Document::parse(format!("<xml><A>1</A><Content>{inner}</Content></xml>").as_bytes()).ok()?;
        document.get("Content").map(str::to_owned)
    }

    #[test]
    fn sections_and_text_are_alike() {
        assert_eq!(content("<![CDATA[a<b>&amp;]]>").as_deref(), Some("a<b>&amp;"));
        assert_eq!(
            content("a&lt;b&gt;&amp;&#20320; &unknown; & c").as_deref(),
            Some("a<b>&你 &unknown; & c")
        );
    }

    #[test]
    fn the_end_of_a_section_in_what_a_user_typed_is_kept() {
        assert_eq!(content("<![CDATA[a]]]]><![CDATA[>b]]>").as_deref(), Some("a]]>b"));
        assert_eq!(content("<![CDATA[a]]>b]]>").as_deref(), Some("a]]>b"));
        assert_eq!(content("<![CDATA[a]]> & b]]>").as_deref(), Some("a]]> & b"));
    }

    #[test]
    fn text_that_breaks_out_cannot_overwrite_the_sender() {
        let body = "<xml><FromUserName>a</FromUserName><Content><![CDATA[x]]></Content>\
                    <FromUserName>b</FromUserName></xml>";
        assert_eq!(Document::parse(body.as_bytes()).unwrap().get("FromUserName"), Some("a"));
    }

    #[test]
    fn a_document_type_is_refused() {
        let bomb = "<!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><xml><C>&a;</C></xml>";
        assert_eq!(Document::parse(bomb.as_bytes()), Err("it has a document type"));
    }

    #[test]
    fn depth_number_and_size_are_bounded() {
        let deep = "<a>".repeat(9) + &"</a>".repeat(9);
        assert_eq!(Document::parse(deep.as_bytes()), Err("it is nested too deeply"));
        let wide = format!("<xml>{}</xml>", "<a>1</a>".repeat(1025));
        assert_eq!(Document::parse(wide.as_bytes()), Err("it has too many fields"));
        assert_eq!(Document::parse(&vec![b'<'; SIZE_MAX_BYTES + 1]), Err("it is too large"));
        let deep = "{\"a\":".repeat(9) + "1" + &"}".repeat(9);
        assert_eq!(Document::parse(deep.as_bytes()), Err("it is nested too deeply"));
    }

    #[test]
    fn a_long_name_is_not_copied_into_each_of_a_thousand_fields() {
        let name = "a".repeat(400_000);
        let list = format!("{{\"{name}\":[{}1]}}", "1,".repeat(1000));
        let nested = format!("<xml><{name}>{}</{name}></xml>", "<b/>".repeat(1000));
        for body in [list, nested] {
            assert_eq!(Document::parse(body.as_bytes()), Err("it has a name that is too long"));
        }
    }

    #[test]
    fn what_is_no_document_is_refused_in_words() {
        for body in ["", "hello", "<xml><a></xml>", "<xml><a>1</a>", "</xml>", "<a/><b/>x<", "{\"a\":", "[1]"]
        {
            assert!(Document::parse(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn nested_fields_and_numbers_of_64_bits_keep_their_digits() {
        let xml = "<?xml version=\"1.0\"?>\n<xml>\n <S><T>qr</T><I><M>1</M></I></S><E/></xml>";
        let document = Document::parse(xml.as_bytes()).unwrap();
        assert_eq!(document.get("S.T"), Some("qr"));
        assert_eq!(document.get("S.I.M"), Some("1"));
        assert_eq!(document.get("E"), None);
        let json = r#"{"MsgId":9007199254740993,"a":{"b":["x","y"]},"t":"\ud83d"}"#;
        let document = Document::parse(json.as_bytes()).unwrap();
        assert_eq!(document.get("MsgId"), Some("9007199254740993"));
        assert_eq!(document.get("a.b"), Some("x"));
        assert_eq!(document.get("t"), Some("\u{fffd}"));
    }
}
