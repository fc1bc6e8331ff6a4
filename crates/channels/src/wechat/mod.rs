//! What the channels of the WeChat family share: signatures, the encrypted envelope, bodies.
//!
//! Source: Tencent's developer documentation, "消息推送 / 消息加解密说明".

pub mod document;
pub mod envelope;
pub mod query;
pub mod signature;

pub use document::Document;
pub use envelope::Key;
