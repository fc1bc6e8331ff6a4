//! Owns what short texts say: folding many spellings into one, and tables of words in context. Pure.

pub mod fold;
pub mod table;
