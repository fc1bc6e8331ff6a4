//! Owns finding: which entries of a knowledge base answer a text, best first, and how sure that is.
//!
//! Two steps, as search engines do it. Single characters, pairs of neighbours, words and topics (see `lexicon.txt`) are
//! looked up in an inverted index (BM25, questions and answers apart), which leaves some dozen candidates. Each of
//! these is then compared closely, by its best wording (`compare`) and by all of them together (`whole`), and the
//! foremost also by what their words mean (`soft`). A small fixed logistic function of that is the confidence
//! (`confidence`, with the fitted `weights`).

mod atoms;
mod compare;
mod confidence;
mod index;
mod lexicon;
mod postings;
mod search;
mod sense;
mod soft;
mod trees;
mod weights;
mod whole;

pub use confidence::{FEATURE_NAMES, FEATURES, INPUTS, Judge, Line, MARGIN_MAX, Weights};
pub use index::{Hit, Index};
pub use trees::Tree;
pub use words::fold;
