//! Sealing and opening: what opens what, the master key, what is refused, and signatures.

use crate::notes::open;
use crate::register::{SUBJECT, key, read, register, seal, start};
use ground::on_each;
use spine::keys::{Algorithm, KeySettings, Keys, Opened, Owner, SealKey, SealedField, verify_signature};
use spine::{Clock, Error, new_id};

#[tokio::test]
async fn a_sealed_text_opens_after_a_restart_and_says_nothing_before() {
    on_each(async |place| {
        let keys = start(&place).await;
        let sealed = seal(&keys, &Owner::thread(new_id()), "我的电话是 13800138000").await;
        assert!(sealed.starts_with("v1.a256gcm.") && sealed.is_ascii() && !sealed.contains("138"));
        drop(keys);
        let keys = start(&place).await;
        assert!(keys.try_open(&sealed, SUBJECT, "text").is_none(), "its key is not in memory yet");
        assert_eq!(read(&keys, &sealed).await, Opened::Text("我的电话是 13800138000".into()));
        assert!(matches!(keys.try_open(&sealed, SUBJECT, "text"), Some(Ok(Opened::Text(_)))));
    })
    .await;
}

#[tokio::test]
async fn a_text_opens_for_its_own_subject_and_field_alone() {
    on_each(async |place| {
        let keys = start(&place).await;
        let sealed = seal(&keys, &Owner::thread(new_id()), "secret").await;
        let elsewhere = keys.open_text(&sealed, "log.1.0.demo.thread.y", "text").await;
        assert!(matches!(elsewhere, Err(Error::Unopenable { .. })));
        assert!(keys.open_text(&sealed, SUBJECT, "name").await.is_err());
        let mut changed = sealed.clone().into_bytes();
        let last = changed.last_mut().unwrap();
        *last = if *last == b'A' { b'B' } else { b'A' };
        assert!(keys.open_text(&String::from_utf8(changed).unwrap(), SUBJECT, "text").await.is_err());
    })
    .await;
}

#[tokio::test]
async fn both_algorithms_open_whichever_is_set() {
    on_each(async |place| {
        let database = open(&place).await;
        let settings = KeySettings { algorithm: Algorithm::Sm4Gcm, ..KeySettings::default() };
        let owner = Owner::customer(new_id());
        let chinese = Keys::open(&database, settings, Clock::system()).await.unwrap();
        let sealed = seal(&chinese, &owner, "国密").await;
        assert!(sealed.starts_with("v1.sm4gcm."));
        let other = register(&database, &Clock::system()).await;
        assert_eq!(read(&other, &sealed).await, Opened::Text("国密".into()));
    })
    .await;
}

#[tokio::test]
async fn many_open_at_once_and_a_broken_one_fails_alone() {
    on_each(async |place| {
        let keys = start(&place).await;
        let mut sealed = Vec::new();
        for number in 0..30 {
            sealed.push(seal(&keys, &Owner::thread(new_id()), &number.to_string()).await);
        }
        sealed.push("nonsense".into());
        drop(keys);
        let keys = start(&place).await;
        let field = |sealed| SealedField { sealed, subject: SUBJECT, field: "text" };
        let fields: Vec<_> = sealed.iter().map(|sealed| field(sealed.as_str())).collect();
        let opened = keys.open_many(&fields).await.unwrap();
        for (number, opened) in opened[..30].iter().enumerate() {
            assert_eq!(opened.as_ref().unwrap(), &Opened::Text(number.to_string()));
        }
        assert!(opened[30].is_err());
    })
    .await;
}

#[tokio::test]
async fn a_wrong_or_missing_master_key_is_refused_with_a_remedy() {
    on_each(async |place| {
        let keys = start(&place).await;
        let sealed = seal(&keys, &Owner::thread(new_id()), "x").await;
        drop(keys);
        let file = place.folder.join("keys").join("master.key");
        let right = std::fs::read_to_string(&file).unwrap();
        let refused = async |settings| {
            let database = open(&place).await;
            let result = Keys::open(&database, settings, Clock::system()).await;
            assert!(matches!(result.err(), Some(Error::MasterKey { .. })));
        };
        let given =
            |text: &str| KeySettings { master: Some(text.to_owned().into()), ..KeySettings::default() };
        refused(given(&"00".repeat(32))).await;
        refused(given("short")).await;
        std::fs::remove_file(&file).unwrap();
        refused(KeySettings::default()).await;
        assert!(!file.exists(), "no new key is made for a register that holds keys");

        let keys = Keys::open(&open(&place).await, given(&right), Clock::system()).await.unwrap();
        assert_eq!(read(&keys, &sealed).await, Opened::Text("x".into()));
    })
    .await;
}

#[tokio::test]
async fn no_register_is_made_beside_a_log_that_holds_events_however_often_it_is_tried() {
    on_each(async |place| {
        let settings = || KeySettings { log_holds_events: true, ..KeySettings::default() };
        for _ in 0..2 {
            let result = Keys::open(&open(&place).await, settings(), Clock::system()).await;
            assert!(matches!(result.err(), Some(Error::RegisterLost { .. })));
        }
        let master = place.folder.join("keys").join("master.key");
        assert!(!master.exists(), "no key is made for a register that is not made");
        let sealed = seal(&start(&place).await, &Owner::thread(new_id()), "x").await;
        let keys = Keys::open(&open(&place).await, settings(), Clock::system()).await.unwrap();
        assert_eq!(read(&keys, &sealed).await, Opened::Text("x".into()));
    })
    .await;
}

#[cfg(unix)]
#[tokio::test]
async fn the_master_key_file_is_for_its_owner_alone() {
    on_each(async |place| {
        start(&place).await;
        let file = place.folder.join("keys").join("master.key");
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(file).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    })
    .await;
}

#[tokio::test]
async fn a_signature_proves_its_own_bytes_over_restarts() {
    on_each(async |place| {
        let keys = start(&place).await;
        let signature = keys.sign(b"certificate");
        assert!(verify_signature(b"certificate", &signature));
        assert!(!verify_signature(b"Certificate", &signature));
        let public_key = keys.public_key();
        drop(keys);
        assert_eq!(start(&place).await.public_key(), public_key);
    })
    .await;
}

#[tokio::test]
async fn what_is_too_large_or_badly_named_is_refused() {
    on_each(async |place| {
        let keys = start(&place).await;
        let owner = Owner::thread(new_id());
        let large = vec![0; 5 * 1_048_576 + 1];
        let refused = keys.seal_bytes(&key(&owner, "2026-11"), SUBJECT, "text", &large).await;
        assert!(matches!(refused, Err(Error::Limit { limit: "plain_bytes_max", .. })));
        let badly = SealKey { class: "Not Allowed".into(), ..key(&owner, "2026-11") };
        assert!(matches!(keys.seal(&badly, SUBJECT, "text", "x").await, Err(Error::Name { .. })));
        let badly = SealKey { tenant: "A.B".into(), ..key(&owner, "2026-11") };
        assert!(matches!(keys.seal(&badly, SUBJECT, "text", "x").await, Err(Error::Name { .. })));
        let bytes = vec![0, 159, 146, 150];
        let sealed = keys.seal_bytes(&key(&owner, "2026-11"), SUBJECT, "raw", &bytes).await.unwrap();
        assert_eq!(keys.open_bytes(&sealed, SUBJECT, "raw").await.unwrap().as_deref(), Some(&bytes));
        assert!(keys.open_text(&sealed, SUBJECT, "raw").await.is_err(), "it is no text");
    })
    .await;
}
