//! `cxc numbers answers`: a file of answers, and a source over HTTP that really listens.
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use serde_json::{Value, json};

use crate::support::Desk;

/// A source that knows every number but those that end in 199; what it was sent can be received.
fn source() -> (String, Receiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/rnd", listener.local_addr().unwrap());
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let asked = answer(&stream.unwrap());
            if send.send(asked).is_err() {
                return;
            }
        }
    });
    (url, receive)
}

/// Answers one request: its head and its body.
fn answer(mut stream: &TcpStream) -> (String, Value) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).unwrap() > 0);
    }
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap()];
    reader.read_exact(&mut body).unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let queries = body["queries"].as_array().unwrap();
    let known = queries.iter().filter(|q| !q["number"].as_str().unwrap().ends_with("199"));
    let answers = known.map(|q| json!({ "number": q["number"], "answer": "no", "lineType": "mobile" }));
    let text = json!({ "answers": answers.collect::<Vec<_>>() }).to_string();
    let head_of_answer = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length:";
    write!(stream, "{head_of_answer} {}\r\n\r\n{text}", text.len()).unwrap();
    (head, body)
}

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("cxc.toml", "[outbound]\nprivate_networks = \"127.0.0.0/8\"\n");
    desk.run(&["tenant", "add", "Acme"]).ok();
    desk.write("a.csv", "ClientId,Mobile\nC-1,+12125550123\nC-2,+12125550124\nC-3,+12125550199\n");
    desk.run(&["import", "--list", "spring", "a.csv"]).ok();
    desk
}

#[test]
fn a_source_over_http_is_asked_about_a_list_once_and_what_it_says_is_shown() {
    let (desk, (url, asked)) = (desk(), source());
    desk.write("token", "s3cret\n");
    let ask = ["numbers", "answers", "ask", "--source", "RND", "--list", "spring", "--consent-date", "2026-01-15"];
    desk.run(&ask).failed(2, "there is no source RND: give --url to make it");
    let made = [&ask[..], &["--url", &url, "--token-file", "token"]].concat();
    let told = desk.run(&made).ok().out;
    assert_eq!(told.trim(), "RND: 3 contacts looked at, 3 numbers asked about, 2 answers");
    let (head, body) = asked.recv().unwrap();
    assert!(head.starts_with("POST /rnd ") && head.contains("authorization: Bearer s3cret"), "{head}");
    assert_eq!(body["queries"][0]["consentDate"], "2026-01-15");
    let again: Value = serde_json::from_str(&desk.run(&[&ask[..], &["--json"]].concat()).ok().out).unwrap();
    assert_eq!(again, json!({ "contacts": 3, "asked": 1, "answered": 0 }), "what is known is not asked again");
    desk.run(&[&ask[..], &["--url", "http://127.0.0.1:1/"]].concat()).failed(2, "is there already");
    let shown = desk.run(&["numbers", "answers", "show", "+12125550123", "+12125550199"]).ok().out;
    assert!(shown.contains("+12125550123: not reassigned since 2026-01-15, mobile (asked on "), "{shown}");
    assert!(shown.contains("+12125550199: nothing is known") && shown.contains(", RND)"), "{shown}");
    let tomorrow = [&ask[..8], &["2999-01-15"]].concat();
    desk.run(&tomorrow).failed(2, "a day that was");
}

#[test]
fn a_file_of_answers_is_loaded_and_its_bad_lines_are_told() {
    let desk = desk();
    desk.write("rnd.csv", "number,query_date,answer\n2125550123,2026-02-01,yes\n2125550124,2026-02-01,perhaps\n");
    let load = ["numbers", "answers", "load", "--country", "US", "rnd.csv"];
    let done = desk.run(&load).ok();
    assert!(done.out.contains("rnd.csv: 2 lines, 1 rejected; answers on 1 numbers, of which 1 are new"), "{done:?}");
    assert!(done.err.contains("line 3: an answer is yes, no or no_data"), "{done:?}");
    let shown: Value =
        serde_json::from_str(&desk.run(&["numbers", "answers", "show", "--json", "+12125550123"]).ok().out).unwrap();
    assert_eq!((&shown[0]["answer"], &shown[0]["source"]), (&json!("yes"), &json!("rnd.csv")));
    desk.write("bad.csv", "phone,when\n2125550123,2026-02-01\n");
    desk.run(&["numbers", "answers", "load", "bad.csv"]).failed(1, "it has no column answer");
    desk.run(&["numbers", "answers", "load", "--country", "Atlantis", "rnd.csv"]).failed(2, "--country Atlantis");
}

#[test]
fn a_source_inside_is_asked_only_where_the_operator_allows_it() {
    let (desk, (_, _)) = (desk(), source());
    desk.write("cxc.toml", "");
    let ask = ["numbers", "answers", "ask", "--source", "Inside", "--list", "spring", "--consent-date", "2026-01-15"];
    let ended = desk.run(&[&ask[..], &["--url", "http://10.255.255.1/rnd"]].concat());
    ended.failed(1, "outbound.private_networks");
}
