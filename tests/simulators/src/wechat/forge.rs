//! Requests that do not come from the platform, or not as they should.

use super::crypto::{Sealer, signature};
use super::platform::{Desk, Platform};
use crate::Error;

/// One way in which a request is wrong. All are for safe mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgery {
    /// Signed with another token.
    Signature,
    /// No signature at all.
    Unsigned,
    /// Signed rightly, a day ago.
    Stale,
    /// Signed and encrypted rightly, for another app.
    Receiver,
    /// Signed rightly around an envelope that does not open.
    Padding,
    /// Signed and encrypted rightly around a document type with an external entity.
    Doctype,
    /// Two megabytes.
    Oversized,
}

impl Platform {
    /// Delivers one forged text message once; the status and body of the answer. The ledger does not learn of it.
    ///
    /// # Errors
    /// When nothing answers.
    pub async fn forge(&self, forgery: Forgery, openid: &str) -> Result<(u16, String), Error> {
        let (url, body) = forged(&self.desk, forgery, openid)?;
        let request = self.desk.client.post(url).header("content-type", "text/xml").body(body);
        let response = request.send().await.map_err(|_| Error::Silent)?;
        let status = response.status().as_u16();
        Ok((status, response.text().await.map_err(|_| Error::Silent)?))
    }
}

fn forged(desk: &Desk, forgery: Forgery, openid: &str) -> Result<(String, String), Error> {
    let age_s = if forgery == Forgery::Stale { 86_400 } else { 0 };
    let at = desk.clock.now_s() - age_s;
    let message = format!(
        "<xml><ToUserName>g</ToUserName><FromUserName>{openid}</FromUserName><CreateTime>{at}</CreateTime>\
         <MsgType>text</MsgType><Content>forged</Content><MsgId>666</MsgId></xml>"
    );
    let sealed = match forgery {
        Forgery::Receiver => {
            Sealer::new(&desk.config.encoding_aes_key, "wxSOMEBODYELSE")?.seal([1; 16], &message)
        }
        Forgery::Padding => desk.sealer.seal_badly(&message),
        Forgery::Doctype => {
            let entity = "<!DOCTYPE xml [<!ENTITY x SYSTEM \"file:///etc/hostname\">]>";
            desk.sealer.seal([1; 16], &format!("{entity}{}", message.replace("forged", "&x;")))
        }
        Forgery::Oversized => desk.sealer.seal([1; 16], &"x".repeat(2 << 20)),
        _ => desk.sealer.seal([1; 16], &message),
    };
    let (stamp, nonce) = (at.to_string(), "4242");
    let token = if forgery == Forgery::Signature { "not the token" } else { &desk.config.token };
    let signed = signature(vec![token, &stamp, nonce, &sealed]);
    let webhook = desk.state().webhook.clone();
    let url = match forgery {
        Forgery::Unsigned => format!("{webhook}?timestamp={stamp}&nonce={nonce}"),
        _ => format!("{webhook}?timestamp={stamp}&nonce={nonce}&encrypt_type=aes&msg_signature={signed}"),
    };
    Ok((url, format!("<xml><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>")))
}
