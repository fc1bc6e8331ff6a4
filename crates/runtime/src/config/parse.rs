//! Parsing that names everything wrong at once.

use clap::builder::ValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Parser};
use std::ffi::OsString;

/// No command line has more settings than this.
const WRONG_MAX: usize = 100;

/// Why there is no configuration.
#[derive(Debug)]
pub enum Refusal {
    /// Help or version was asked for, or the command line as a whole cannot be read.
    Usage(clap::Error),
    /// What is wrong or missing, one text each.
    Values(Vec<String>),
}

/// Reads the command line and the environment. Help and version end the process with 0; anything wrong or
/// missing is written to standard error, all of it, and ends the process with 2. `check` adds what a parser
/// cannot see.
pub fn parse<P: Parser>(check: impl FnOnce(&P) -> Vec<String>) -> P {
    match try_parse_from(std::env::args_os(), check) {
        Ok(parsed) => parsed,
        Err(Refusal::Usage(error)) => error.exit(),
        Err(Refusal::Values(wrong)) => {
            eprintln!("{}", told(&wrong));
            std::process::exit(2)
        }
    }
}

/// In the form in which the parser tells its own refusals.
fn told(wrong: &[String]) -> String {
    let told = match wrong {
        [only] => format!("error: {only}"),
        several => {
            let list: Vec<String> = several.iter().map(|text| format!("\n  - {text}")).collect();
            format!("error: {} arguments or settings cannot be used:{}", several.len(), list.concat())
        }
    };
    format!("{told}\n\nFor more information, try '--help'.")
}

/// As [`parse`], for a caller who does not want to end.
///
/// # Errors
/// [`Refusal`].
pub fn try_parse_from<P: Parser>(
    args: impl IntoIterator<Item = impl Into<OsString>>,
    check: impl FnOnce(&P) -> Vec<String>,
) -> Result<P, Refusal> {
    let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
    let mut command = P::command();
    let mut wrong = Vec::new();
    // The parser stops at the first wrong value. So that value's setting is made to take anything, and the
    // parser starts again, until nothing new is wrong; the result of that is not used.
    let matches = loop {
        let error = match command.clone().try_get_matches_from(&args) {
            Ok(matches) => break matches,
            Err(error) => error,
        };
        match wrong_setting(&error) {
            Some(setting) if wrong.len() < WRONG_MAX => {
                wrong.push(text(&error));
                command = take_anything(command, &setting);
            }
            // Alone it is told with the usage.
            _ if error.kind() == ErrorKind::MissingRequiredArgument && !wrong.is_empty() => {
                wrong.push(text(&error));
                return Err(Refusal::Values(wrong));
            }
            _ => return Err(Refusal::Usage(error)),
        }
    };
    if !wrong.is_empty() {
        return Err(Refusal::Values(wrong));
    }
    let parsed = P::from_arg_matches(&matches).map_err(Refusal::Usage)?;
    match check(&parsed) {
        wrong if wrong.is_empty() => Ok(parsed),
        wrong => Err(Refusal::Values(wrong)),
    }
}

/// The setting whose value is wrong, as the error shows it.
fn wrong_setting(error: &clap::Error) -> Option<String> {
    let kinds = [ErrorKind::InvalidValue, ErrorKind::ValueValidation, ErrorKind::InvalidUtf8];
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(setting)) if kinds.contains(&error.kind()) => Some(setting.clone()),
        _ => None,
    }
}

fn text(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let text = text.split("\n\nUsage:").next().unwrap_or_default();
    let text = text.split("\n\nFor more information").next().unwrap_or_default();
    text.trim().trim_start_matches("error: ").to_owned()
}

fn take_anything(command: Command, setting: &str) -> Command {
    let mut built = command.clone();
    built.build();
    relax(command, &built, setting)
}

/// `built` is `command` as the parser completes it: only there an argument is shown as in the error.
fn relax(mut command: Command, built: &Command, setting: &str) -> Command {
    let shown = built.get_arguments().filter(|argument| argument.to_string() == setting);
    let ids: Vec<_> = shown.map(|argument| argument.get_id().clone()).collect();
    // A changed argument goes to the end of the list, so positionals keep their places only when these are named.
    if !ids.is_empty() {
        for positional in built.get_positionals() {
            if let Some(place) = positional.get_index() {
                let id = positional.get_id().clone();
                command = command.mut_arg(id, |argument| argument.index(place));
            }
        }
    }
    for id in ids {
        if command.get_arguments().any(|argument| *argument.get_id() == id) {
            command = command.mut_arg(id, |argument| argument.value_parser(ValueParser::os_string()));
        }
    }
    let names: Vec<_> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
    for name in names {
        if let Some(inner) = built.find_subcommand(&name) {
            command = command.mut_subcommand(name, |original| relax(original, inner, setting));
        }
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_refusal_is_told_as_the_parser_tells_its_own_and_several_as_a_list() {
        let text = |text: &str| text.to_owned();
        assert!(told(&[text("a")]).starts_with("error: a\n\nFor more information"));
        assert!(
            told(&[text("a"), text("b")]).contains("2 arguments or settings cannot be used:\n  - a\n  - b\n")
        );
    }
}
