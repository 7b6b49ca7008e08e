//! Reports of attempts.
use super::*;

#[tokio::test]
async fn reports_come_in_any_order_and_any_number_of_times() {
    let app = start().await;
    let begun = report("g", 0, &json!({ "contact_info": phone(1), "unknown_field": { "x": [1, 2] } }));
    let ended = report("g", 1, &json!({ "contact_info": phone(1), "GSW_CALL_RESULT": 33, "unknown_field": "kept" }));
    let counts = |answer: &Value| ["new", "advanced", "repeated"].map(|c| answer[c].as_i64().unwrap());
    assert_eq!(counts(&app.post(REPORTS).json(&begun).await.expect(200)), [1, 0, 0]);
    assert_eq!(attempts(&app, 1).await[0]["state"], "sending");
    assert_eq!(app.post(VALIDATE).json(&ask(1, "a", 0)).await.expect(409)["code"], "history_pending");
    assert_eq!(counts(&app.post(REPORTS).json(&ended).await.expect(200)), [0, 1, 0]);
    for late in [&begun, &ended, &begun] {
        assert_eq!(counts(&app.post(REPORTS).json(late).await.expect(200)), [0, 0, 1]);
    }
    let shown = attempts(&app, 1).await;
    assert_eq!(shown.len(), 1);
    assert_eq!((&shown[0]["state"], &shown[0]["result"]["code"]), (&json!("final"), &json!(33)));
    assert_eq!(shown[0]["report"]["unknown_field"], "kept");
    app.post(VALIDATE).json(&ask(1, "a", 0)).await.expect(200);
    // the final result alone, and a whole batch with both
    let batch = json!([
        report("h", 1, &json!({ "contact_info": phone(2), "GSW_CALL_RESULT": 6 })),
        report("i", 0, &json!({ "contact_info": phone(3) })),
        report("i", 1, &json!({ "contact_info": phone(3), "GSW_CALL_RESULT": 7 }))
    ]);
    assert_eq!(counts(&app.post(REPORTS).json(&batch).await.expect(200)), [2, 1, 0]);
    assert_eq!(attempts(&app, 3).await[0]["state"], "final");
}

#[tokio::test]
async fn a_report_that_says_too_little_is_refused_whole() {
    let app = start().await;
    for name in ["GSW_CALL_ATTEMPT_GUID", "GSW_HIST_SEQUENCE_NUM", "GSW_TENANT_NAME", "GSW_TENANT_CCID"] {
        let mut lacking = report("g", 0, &json!({ "contact_info": phone(1) }));
        lacking.as_object_mut().unwrap().remove(name);
        let refused = app.post(REPORTS).json(&json!([report("f", 0, &json!({})), lacking])).await.expect(400);
        assert!(refused["detail"].as_str().unwrap().contains(name), "{refused}");
    }
    for wrong in [json!({ "GSW_HIST_SEQUENCE_NUM": 2 }), json!({ "GSW_CALL_RESULT": 99 })] {
        app.post(REPORTS).json(&report("g", 1, &wrong)).await.expect(400);
    }
    app.post(REPORTS).json(&json!([])).await.expect(400);
    app.post(REPORTS).json(&report("g", 0, &json!({ "GSW_TENANT_CCID": "ccid-other" }))).await.expect(403);
    let other = app.other.get("/compliance/attempts?guid=f").await.expect(200);
    assert_eq!(other["items"], json!([]));
    assert_eq!(
        app.get("/compliance/attempts?guid=f").await.expect(200)["items"],
        json!([]),
        "nothing of a refused batch"
    );
}

#[tokio::test]
async fn a_field_that_is_there_twice_is_refused_also_under_the_same_name() {
    let app = start().await;
    // as programs may write it: the last of the two would hide an opt-out
    let twice = |first: &str, second: &str| {
        let whole = report("g", 1, &json!({ "contact_info": phone(1) })).to_string();
        format!("{{{first},{second},{}", &whole[1..])
    };
    for (name, first, second) in [
        ("GSW_CALL_RESULT", r#""GSW_CALL_RESULT":51"#, r#""GSW_CALL_RESULT":33"#),
        ("GSW_CALL_RESULT", r#""GSW_CALL_RESULT":51"#, r#""gsw_call_result":33"#),
        ("disposition", r#""disposition":"DNC""#, r#""disposition":"DNC""#),
        ("own_field", r#""own_field":1"#, r#""own_field":2"#),
    ] {
        let one = twice(first, second);
        for body in [one.clone(), format!("[{},{one}]", report("f", 1, &json!({ "contact_info": phone(2) })))] {
            let refused = app.post(REPORTS).json_text(body).await.expect(400);
            assert_eq!(refused["errors"][0]["pointer"], format!("/{name}"), "{refused}");
        }
    }
    for n in [1, 2] {
        assert!(attempts(&app, n).await.is_empty(), "nothing of a refused request");
    }
}

#[tokio::test]
async fn what_is_no_yes_and_no_no_is_refused() {
    let app = start().await;
    let many: Vec<String> = (0..51).map(|n| format!("D{n}")).collect();
    for (name, value) in [
        ("conversation", json!("maybe")),
        ("conversation", json!([1])),
        ("refused", json!(7)),
        ("direction", json!("sideways")),
        ("cxc_purpose", json!("bananas")),
        ("GSW_CALL_TIME", json!("garbage")),
        ("c_debt_id", json!(many.join(","))),
    ] {
        let mut wrong = report("g", 1, &json!({ "contact_info": phone(1), "GSW_CALL_RESULT": 33 }));
        wrong[name] = value;
        let refused = app.post(REPORTS).json(&wrong).await.expect(400);
        assert_eq!(refused["errors"][0]["pointer"], format!("/{name}"), "{refused}");
    }
    assert_eq!(attempts(&app, 1).await, Vec::<Value>::new());
}
