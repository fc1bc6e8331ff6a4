//! What a channel proved about a person, on its way into the thread: named without telling it, sealed, decided once.

use channels::contract::{Account, Evidence};
use conversation::{Decision, Identify, Thread};
use events::customer::EvidenceKind;
use events::{Micros, Sealed};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use spine::keys::{Keys, Owner, Period, SealKey};
use spine::{Address, Entity, Error};

/// The retention class of evidence, and its field in a thread.
const CLASS: &str = "identity";
const FIELD: &str = "identified.value";

/// What stands for a piece of evidence within its account: equal for equal values, telling nothing without the
/// tenant's key.
fn mark(account: &Account, evidence: &Evidence) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(&*account.identity_key).expect("a key of any length fits HMAC");
    for part in ["evidence", evidence.kind.as_ref(), evidence.value.as_str()] {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    let digest = mac.finalize().into_bytes();
    digest[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The name of a piece of evidence: its mark, its kind, and the quarter, so that what is still proven after its key
/// expired is recorded again.
pub(crate) fn name(account: &Account, evidence: &Evidence, period: &Period) -> String {
    format!("identity:{}:{}:{}", evidence.kind.as_ref(), period.as_str(), mark(account, evidence))
}

/// The mark of a login in the name of its evidence; none in that of other evidence.
fn login_in(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("identity:")?.strip_prefix(EvidenceKind::Login.as_ref())?;
    rest.strip_prefix(':')?.rsplit_once(':').map(|(_, mark)| mark)
}

/// Whether a login was proven in the thread that is not among this evidence: the thread is then somebody's who is not
/// shown to be here.
pub(crate) fn is_anothers(thread: &Thread, account: &Account, evidence: &[Evidence]) -> bool {
    let login = evidence.iter().find(|found| found.kind == EvidenceKind::Login);
    let login = login.map(|login| mark(account, login));
    thread.proven().filter_map(login_in).any(|proven| Some(proven) != login.as_deref())
}

/// Seals evidence for a thread, under its own key of the class `identity`.
///
/// # Errors
/// [`Error::Gone`] when the person was erased, and database errors.
pub(crate) async fn seal(
    keys: &Keys,
    account: &Account,
    address: &Address,
    evidence: &[Evidence],
    at: Micros,
) -> Result<Vec<Identify>, Error> {
    let period = Period::quarter(at);
    let key = SealKey {
        tenant: address.tenant.clone(),
        owner: Owner::thread(address.uuid().unwrap_or_default()),
        class: CLASS.into(),
        period: period.clone(),
    };
    let subject = address.subject();
    let mut sealed = Vec::new();
    for found in evidence.iter().filter(|found| found.kind != EvidenceKind::Person) {
        let value = Sealed(keys.seal(&key, &subject, FIELD, &found.value).await?);
        let provider = name(account, found, &period);
        sealed.push(Identify { kind: found.kind, value, provider, sent_at: at });
    }
    Ok(sealed)
}

/// A decision and, on what it leaves of the thread, the evidence that came with it. What is proven of somebody does
/// not depend on whether they did anything new; and evidence that is refused takes nothing with it.
pub(crate) fn with(thread: &Thread, decided: Decision, evidence: &[Identify], at: Micros) -> Decision {
    if evidence.is_empty() {
        return decided;
    }
    let mut events = match decided {
        Err(rejection) if thread.account().is_some() && crate::item::is_moot(&rejection) => Vec::new(),
        other => other?,
    };
    let mut after = thread.clone();
    events.iter().for_each(|event| after.evolve(event));
    for found in evidence {
        let more = conversation::identify(&after, found, at).unwrap_or_default();
        more.iter().for_each(|event| after.evolve(event));
        events.extend(more);
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;
    use conversation::{Beginning, Rejection, Visit};
    use events::ThreadEvent;
    use events::thread::OpenedBy;
    use std::collections::BTreeMap;
    use uuid::Uuid;
    use zeroize::Zeroizing;

    const AT: Micros = 1_767_225_600_000_000;

    fn account() -> Account {
        Account {
            id: Uuid::nil(),
            slug: "desk".into(),
            settings: BTreeMap::new(),
            secrets: BTreeMap::new(),
            identity_key: Zeroizing::new([7; 32]),
        }
    }

    fn login(value: &str) -> Evidence {
        Evidence { kind: EvidenceKind::Login, value: value.into() }
    }

    fn asked(value: &str) -> Identify {
        let provider = name(&account(), &login(value), &Period::quarter(AT));
        Identify { kind: EvidenceKind::Login, value: Sealed("v1.x".into()), provider, sent_at: AT }
    }

    fn visited(thread: &Thread) -> Decision {
        let contact = Sealed("v1.c".into());
        let began = Beginning { account: Uuid::nil(), channel: "widget".into(), contact, name: None };
        let visit = Visit {
            by: OpenedBy::Widget,
            provider: "visit:1".into(),
            touch: None,
            window: None,
            sent_at: AT,
            began: Some(began),
        };
        conversation::open(thread, &visit, AT)
    }

    #[test]
    fn a_name_tells_equal_values_and_nothing_else() {
        let quarter = Period::quarter(AT);
        let of = |evidence: &Evidence| name(&account(), evidence, &quarter);
        assert_eq!(of(&login("user-7")), of(&login("user-7")));
        assert_ne!(of(&login("user-7")), of(&login("user-8")));
        let phone = Evidence { kind: EvidenceKind::VerifiedPhone, value: "user-7".into() };
        assert_ne!(of(&login("user-7")), of(&phone));
        assert!(!of(&login("user-7")).contains("user-7"));
        assert!(of(&login("user-7")).starts_with("identity:login:2026Q1:"));
    }

    #[test]
    fn a_first_visit_and_its_evidence_are_one_decision_and_the_same_evidence_again_is_nothing() {
        let mut thread = Thread::default();
        let events = with(&thread, visited(&thread), &[asked("user-7")], AT).unwrap();
        assert!(matches!(events[0], ThreadEvent::Began { .. }));
        assert!(matches!(events.last(), Some(ThreadEvent::Identified { kind: EvidenceKind::Login, .. })));
        events.iter().for_each(|event| thread.evolve(event));
        assert_eq!(with(&thread, Ok(Vec::new()), &[asked("user-7")], AT), Ok(Vec::new()));
        // Also months later, when ids of messages are forgotten long since.
        let later = AT + 80 * 86_400_000_000;
        assert_eq!(with(&thread, Ok(Vec::new()), &[asked("user-7")], later), Ok(Vec::new()));
        assert_eq!(with(&thread, Ok(Vec::new()), &[asked("user-8")], AT).map(|events| events.len()), Ok(1));
    }

    #[test]
    fn a_thread_of_a_login_is_anothers_without_it_and_one_of_none_is_anybody_s() {
        let mut thread = Thread::default();
        let phone = Evidence { kind: EvidenceKind::VerifiedPhone, value: "+8613800138000".into() };
        let anothers = |thread: &Thread, evidence: &[Evidence]| is_anothers(thread, &account(), evidence);
        visited(&thread).unwrap().iter().for_each(|event| thread.evolve(event));
        let by_phone = Identify {
            kind: phone.kind,
            provider: name(&account(), &phone, &Period::quarter(AT)),
            ..asked("user-7")
        };
        for (found, bound) in [(by_phone, false), (asked("user-7"), true)] {
            let events = with(&thread, Ok(Vec::new()), &[found], AT).unwrap();
            events.iter().for_each(|event| thread.evolve(event));
            assert_eq!(anothers(&thread, &[]), bound);
            assert_eq!(anothers(&thread, &[login("user-8")]), bound);
            assert_eq!(anothers(&thread, std::slice::from_ref(&phone)), bound);
            // Whatever quarter it was proven in.
            assert!(!anothers(&thread, &[login("user-7"), phone.clone()]));
        }
    }

    #[test]
    fn evidence_beside_something_moot_is_taken_and_beside_a_refusal_is_not() {
        let mut thread = Thread::default();
        visited(&thread).unwrap().iter().for_each(|event| thread.evolve(event));
        let taken = with(&thread, Err(Rejection::NotOpen), &[asked("user-7")], AT).unwrap();
        assert_eq!(taken.len(), 1);
        let old = Rejection::TooOld { sent_at: 0 };
        assert_eq!(with(&thread, Err(old.clone()), &[asked("user-7")], AT), Err(old));
        let nobody = Thread::default();
        assert_eq!(with(&nobody, Err(Rejection::Unknown), &[asked("u")], AT), Err(Rejection::Unknown));
    }
}
