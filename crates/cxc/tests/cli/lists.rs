//! `cxc export` of lists, and `cxc suppress`.
use crate::support::Desk;

fn desk() -> Desk {
    let desk = Desk::new();
    desk.run(&["tenant", "add", "Acme"]).ok();
    desk.write("a.csv", "ClientId,FirstName,Mobile,Colour\nC-1,Zoë,+12125550123,blue\nC-2,Ben,+12125550124,\n");
    desk.run(&["import", "--list", "spring", "a.csv"]).ok();
    desk
}

#[test]
fn an_exported_list_can_be_imported_again() {
    let desk = desk();
    let text = desk.run(&["export", "--list", "spring"]).ok().out;
    assert!(text.contains("Zoë") && text.contains("+12125550123") && text.contains("blue"), "{text}");
    desk.run(&["export", "--list", "spring", "--output", "b.csv"]).ok();
    let done = desk.run(&["import", "--list", "again", "--json", "b.csv"]).ok().out;
    assert!(done.contains("\"imported\":2") && done.contains("\"rejected\":0"), "{done}");
    desk.run(&["export", "--list", "again", "--output", "c.csv"]).ok();
    let read = |name: &str| std::fs::read_to_string(desk.path().join(name)).unwrap();
    assert_eq!(read("b.csv"), read("c.csv"));
    assert_eq!(std::fs::read_dir(desk.path().join("cxc-data/exports")).unwrap().count(), 0);
    desk.run(&["export", "--list", "none"]).failed(1, "there is no list none");
    desk.run(&["export", "--group", "none"]).failed(1, "there is no campaign group none");
}

#[test]
fn an_address_is_suppressed_once_and_stands_in_the_persons_data() {
    let desk = desk();
    assert!(desk.run(&["suppress", "+1 212 555 0123"]).ok().out.contains("is suppressed by Do not contact"));
    assert!(desk.run(&["suppress", "+12125550123"]).ok().out.contains("was suppressed already"));
    desk.run(&["suppress", "C-2", "--client-id", "--list", "Court", "--until", "2200-01-31", "--reason", "order 7"])
        .ok();
    let data = desk.run(&["export", "--person", "C-2"]).ok().out;
    assert!(data.contains("\"list\": \"Court\"") && data.contains("2200-02-01T00:00:00Z"), "{data}");
    desk.run(&["suppress", "C-2"]).failed(2, "an address is a phone number with its country");
    desk.run(&["suppress", "+12125550199", "--until", "2001-01-01"]).failed(2, "to come");
    desk.run(&["suppress", "ann@example.com", "--list", "Mail", "--channel", "email"]).ok();
    desk.run(&["suppress", "ann@example.com", "--list", "Mail", "--channel", "sms"]).failed(1, "does not suppress sms");
}

#[test]
fn addresses_and_client_ids_are_suppressed_by_lists_of_their_own() {
    for client_ids_first in [true, false] {
        let desk = desk();
        let address = || desk.run(&["suppress", "+12125550123"]).ok().out;
        let client_id = || desk.run(&["suppress", "C-1", "--client-id"]).ok().out;
        let told = if client_ids_first { [client_id(), address()] } else { [address(), client_id()] }.concat();
        assert!(
            told.contains("+12125550123 is suppressed by Do not contact (a new list: voice, sms, email)"),
            "{told}"
        );
        assert!(told.contains("C-1 is suppressed by Do not contact (client ids) (a new list: "), "{told}");
        assert!(client_id().contains("was suppressed already by Do not contact (client ids) (voice"));
    }
    let desk = desk();
    desk.run(&["suppress", "C-1", "--client-id", "--list", "Court"]).ok();
    desk.run(&["suppress", "+12125550123", "--list", "Court"]).failed(1, "is a list of client ids");
}

#[test]
fn a_list_that_suppresses_more_channels_than_asked_for_says_so() {
    let desk = desk();
    let first = desk.run(&["suppress", "ann@example.com", "--channel", "email"]).ok();
    assert!(first.out.contains("(a new list: email)") && first.err.is_empty(), "{first:?}");
    desk.run(&["suppress", "ann@example.com", "--list", "All"]).ok();
    let second = desk.run(&["suppress", "bob@example.com", "--list", "All", "--channel", "email"]).ok();
    assert!(second.out.contains("by All (voice, sms, email)"), "{second:?}");
    assert!(second.err.contains("suppresses voice, sms, email, not only email"), "{second:?}");
}

#[test]
fn formulas_are_guarded_in_exports_and_come_back_as_they_were() {
    let desk = Desk::new();
    desk.run(&["tenant", "add", "Acme"]).ok();
    let file = "ClientId,FirstName,Mobile,Balance,Note\nC-1,=1+1,+12125550100,-12.50,'=x\n=C-2,@SUM(A1),12,1,+cmd|' /C calc'!A0\n";
    desk.write("a.csv", file);
    let done = desk.run(&["import", "--list", "spring", "--json", "a.csv"]).ok();
    let rejects: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    let rejects = std::fs::read_to_string(desk.path().join(rejects["rejects_file"].as_str().unwrap())).unwrap();
    assert!(rejects.contains("\n'=C-2,'@SUM(A1),12,1,'+cmd|"), "{rejects}");
    let first = desk.run(&["export", "--list", "spring"]).ok().out;
    assert!(first.contains("'=1+1") && first.contains(",+12125550100,") && first.contains("-12.50"), "{first}");
    desk.write("b.csv", &first);
    desk.run(&["import", "--list", "again", "b.csv"]).ok();
    assert_eq!(desk.run(&["export", "--list", "again"]).ok().out, first);
    let person = desk.run(&["export", "--person", "C-1"]).ok().out;
    assert!(person.contains("\"=1+1\""), "what is stored has no guard: {person}");
}
