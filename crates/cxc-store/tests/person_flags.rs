//! Flags of people and devices.
use cxc_core::compliance::PersonFlag;
use cxc_store::consent::KeyKind;
use cxc_store::person_flag::StoredFlag;
use cxc_test::TestDb;

#[tokio::test]
async fn a_flag_is_kept_once_read_by_device_or_client_and_holds_after_an_erasure() {
    let db = TestDb::start().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let mut cease = StoredFlag::new(KeyKind::Client, 7, "C-7", PersonFlag::Cease);
    cease.note = Some("letter 17".into());
    let workplace = StoredFlag::new(KeyKind::Device, 7, "+12125550100", PersonFlag::Workplace);
    assert!(tx.person_flag_add(1, &cease).await.unwrap());
    assert!(!tx.person_flag_add(1, &cease).await.unwrap(), "it is known already");
    assert!(tx.person_flag_add(1, &workplace).await.unwrap());
    // the hashes are alike, what they are of is not
    assert_eq!(tx.person_flags_of(1, &[], &[7, 8]).await.unwrap(), std::slice::from_ref(&cease));
    assert_eq!(tx.person_flags_of(1, &[7], &[]).await.unwrap(), std::slice::from_ref(&workplace));
    assert!(tx.person_flags_of(2, &[7], &[7]).await.unwrap().is_empty(), "another tenant sees nothing");
    assert_eq!(tx.person_flag_erase(1, KeyKind::Client, &[("C-7".into(), 7)]).await.unwrap(), 1);
    let erased = tx.person_flags_of(1, &[], &[7]).await.unwrap();
    assert_eq!((erased[0].key.as_str(), &erased[0].note, erased[0].flag()), ("", &None, PersonFlag::Cease));
    assert!(tx.person_flag_remove(1, KeyKind::Client, 7, PersonFlag::Cease).await.unwrap());
    assert!(!tx.person_flag_remove(1, KeyKind::Client, 7, PersonFlag::Cease).await.unwrap());
    assert_eq!(tx.person_flags_of(1, &[7], &[7]).await.unwrap(), [workplace]);
}
