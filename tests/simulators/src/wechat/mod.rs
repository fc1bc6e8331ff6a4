//! Tencent as an official account sees it: pushes to our webhook, the customer-message API, access tokens.
//!
//! Source: Tencent's developer documentation ("接收普通消息", "客服消息", "stable_token", "消息加解密说明").

pub mod api;
pub mod crypto;
pub mod forge;
pub mod platform;
pub mod push;
pub mod send;
pub mod tokens;
pub mod users;

pub use forge::Forgery;
pub use platform::{Config, Mode, Platform};
pub use push::{Push, Pushed};
