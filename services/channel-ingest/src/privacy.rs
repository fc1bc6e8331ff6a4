//! What a platform obliges us to do with a person's data.

use crate::item::{Arrival, Taken};
use channels::contract::PrivacyDemand;
use spine::Error;
use spine::keys::{Found, Keys};

/// A person used their right over their data on the platform. Erasing is identity's alone, and cannot be taken back: an
/// operator who has looked at holds and duties asks for it, and the erasure removes what waits here. Somebody who is
/// unknown here, and a name or picture that changed, which are not kept from such a platform, leave nothing to do.
pub(crate) async fn demanded(
    keys: &Keys,
    arrival: &Arrival<'_>,
    (demand, scope): (PrivacyDemand, &[String]),
) -> Result<Taken, Error> {
    let (tenant, account) = (&arrival.ready.tenant, arrival.ready.account.id.to_string());
    let user = &arrival.item.external_user;
    let found = keys.find_thread(tenant, &account, user, arrival.journalled()).await?;
    if let Some(Found { thread, erased: true, .. }) = found {
        return Ok(Taken::Erased { thread });
    }
    let found = found.map(|found| found.thread);
    let duty = match demand {
        PrivacyDemand::Modified => return Ok(Taken::Settled { thread: found, decided: None }),
        PrivacyDemand::Cancelled => "closed their account: erase them".to_owned(),
        PrivacyDemand::Revoked => {
            format!("revoked what they had allowed ({}): delete it, or erase them", scope.join(", "))
        }
    };
    let Some(thread) = found else { return Ok(Taken::Settled { thread: None, decided: None }) };
    let command = format!("tributary erase --tenant {tenant} --thread {thread} --reason platform-demand");
    Ok(Taken::Refused { thread, why: format!("the person {duty}: {command}"), blocks: false })
}
