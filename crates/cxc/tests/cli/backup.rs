//! `cxc backup` and `cxc restore`.
use std::os::unix::fs::PermissionsExt as _;

use crate::support::Desk;

#[test]
fn a_backup_is_restored_into_an_empty_folder_with_its_files() {
    let desk = Desk::new();
    desk.run(&["migrate"]).ok();
    std::fs::create_dir_all(desk.path().join("cxc-data/rejects")).unwrap();
    desk.write("cxc-data/rejects/one.csv", "line\n1\n");
    desk.run(&["backup", "b.zip"]).ok();
    desk.run(&["restore", "b.zip", "--data", "new"]).ok();
    assert_eq!(std::fs::read_to_string(desk.path().join("new/rejects/one.csv")).unwrap(), "line\n1\n");
    let mode = |name: &str| desk.path().join(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("new"), mode("new/rejects")), (0o700, 0o700));
    assert_eq!((mode("new/cxc.db"), mode("new/rejects/one.csv")), (0o600, 0o600));
    desk.run(&["migrate", "--data", "new"]).ok();
}

#[test]
fn a_backup_does_not_write_over_a_file() {
    let desk = Desk::new();
    desk.run(&["migrate"]).ok();
    desk.write("b.zip", "mine");
    desk.run(&["backup", "b.zip"]).failed(2, "b.zip can't be made");
    assert_eq!(std::fs::read_to_string(desk.path().join("b.zip")).unwrap(), "mine");
}

#[test]
fn a_store_that_is_there_is_replaced_only_by_force_and_kept_beside() {
    let desk = Desk::new();
    desk.run(&["migrate"]).ok();
    desk.run(&["backup", "b.zip"]).ok();
    desk.run(&["restore", "b.zip"]).failed(1, "--force");
    desk.run(&["restore", "b.zip", "--force"]).ok();
    assert!(desk.path().join("cxc-data/cxc.db.before-restore").is_file());
}

#[test]
fn what_is_no_backup_is_refused_and_nothing_is_touched() {
    let desk = Desk::new();
    desk.write("b.zip", "this is no archive");
    desk.run(&["restore", "b.zip"]).failed(1, "b.zip can't be restored");
    assert!(!desk.path().join("cxc-data/cxc.db").exists());
}

#[test]
fn a_backup_of_nothing_is_an_error() {
    let desk = Desk::new();
    desk.run(&["backup", "b.zip"]).failed(2, "there is no embedded store");
    assert!(!desk.path().join("b.zip").exists());
}
