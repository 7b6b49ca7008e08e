//! `cxc tenant` and `cxc user`.
use crate::support::Desk;

#[test]
fn a_tenant_is_made_once_and_named_by_its_domain() {
    let desk = Desk::new();
    let made = desk.run(&["tenant", "add", "Acme Ltd"]).ok().out;
    assert_eq!(made, "tenant acme-ltd (Acme Ltd; domain acme-ltd, ccid acme-ltd) is made\n");
    assert!(desk.run(&["tenant", "add", "Acme Ltd"]).ok().out.contains("is there already"));
    desk.run(&["tenant", "add", "Other", "--domain", "acme-ltd"]).failed(1, "is that of another tenant");
    desk.run(&["tenant", "add", "Bad", "--short-name", "a b"]).failed(1, "a short name is 1 to 64");
    assert_eq!(desk.run(&["tenant", "list"]).ok().out.lines().count(), 1);
}

#[test]
fn a_password_is_shown_once_unless_one_is_given() {
    let desk = Desk::new();
    desk.run(&["tenant", "add", "Acme"]).ok();
    let made = desk.run(&["user", "add", "acme\\ann", "--role", "administrator"]).ok().out;
    let password = made.lines().find_map(|l| l.strip_prefix("password (shown this once): ")).unwrap();
    assert_eq!(password.len(), 20);
    let given = desk
        .run_with(&["user", "add", "acme\\ben", "--role", "analyst", "--password-stdin"], "a long secret\n")
        .ok()
        .out;
    assert_eq!(given, "user acme\\ben is made\n");
    desk.run(&["user", "add", "acme\\ann"]).failed(1, "reset-password");
    assert!(desk.run(&["user", "reset-password", "acme\\ann"]).ok().out.contains("password (shown this once): "));
}

#[test]
fn a_user_who_is_there_is_given_more_roles() {
    let desk = Desk::new();
    desk.run(&["tenant", "add", "Acme"]).ok();
    desk.run(&["user", "add", "acme\\ann", "--role", "analyst"]).ok();
    desk.run(&["user", "add", "acme\\ann", "--role", "administrator"]).failed(1, "`cxc user grant` gives more roles");
    let given = desk.run(&["user", "grant", "acme\\Ann", "--role", "administrator"]).ok().out;
    assert_eq!(given, "user acme\\ann has the role Administrator\n");
    // again: it does no harm
    desk.run(&["user", "grant", "acme\\ann", "--role", "administrator", "--role", "auditor"]).ok();
    desk.run(&["user", "grant", "acme\\ben", "--role", "agent"]).failed(1, "there is no user acme\\ben");
    desk.run(&["user", "grant", "acme\\ann", "--role", "king"]).failed(2, "king is no role");
}

#[test]
fn mistakes_about_users_are_told_in_one_line() {
    let desk = Desk::new();
    desk.run(&["tenant", "add", "Acme"]).ok();
    desk.run(&["user", "add", "ann"]).failed(2, "a user is DOMAIN\\USER");
    desk.run(&["user", "add", "nobody\\ann"]).failed(1, "there is no tenant with the domain nobody");
    desk.run(&["user", "add", "acme\\ann", "--role", "king"])
        .failed(2, "king is no role: expected one of administrator,");
    desk.run(&["user", "reset-password", "acme\\ann"]).failed(1, "there is no user acme\\ann");
    desk.run_with(&["user", "add", "acme\\ann", "--password-stdin"], "short").failed(1, "a password has");
}
