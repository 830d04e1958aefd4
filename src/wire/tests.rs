//! That events are read from what clients and files hold, and refused by the rule they break.

use proptest::prelude::*;

use super::*;

fn query(text: &str) -> NewEvent {
    NewEvent::from_query(text).unwrap()
}

fn query_error(text: &str) -> String {
    let error = NewEvent::from_query(text).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    error.to_string()
}

fn json(text: &str) -> NewEvent {
    serde_json::from_str(text).unwrap()
}

fn json_error(text: &str) -> String {
    serde_json::from_str::<NewEvent>(text).unwrap_err().to_string()
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn the_call_of_the_api_is_read_from_query_and_from_url() {
    let expected = NewEvent::new(1, "modify_stream").location(1.0, 1.0).tags(["1", "2", "3"]);
    let call = "operation=log_event&session_id=1&event_type=modify_stream&latitude=1\
                &longitude=1&tags=1,2,3";
    for text in [
        call.to_owned(),
        format!("?{call}"),
        format!("/roundware/?{call}"),
        format!("https://host/roundware/?{call}#top"),
        format!("https://host:8000/api/1/a=b/?{call}"),
        format!("roundware.example/api/1/?{call}"),
        format!("&&{call}&=&flag"),
    ] {
        assert_eq!(query(&text), expected, "{text}");
    }
}

#[test]
fn escapes_and_pluses_of_a_query_are_decoded() {
    let event = query(
        "session_id=a%20b&event_type=client_error&data=100%25+%26+caf%C3%A9+%2B1\
         &client_time=2013-01-05T16:12:13+00:00&latitude=+1.5&longitude=%2B2.5e0",
    );
    let expected = NewEvent::new("a b", "client_error")
        .data("100% & café +1")
        .client_time("2013-01-05T16:12:13 00:00")
        .location(1.5, 2.5);
    assert_eq!(event, expected);
}

#[test]
fn a_question_mark_or_an_address_in_a_value_starts_no_query() {
    let event = query("session_id=1&event_type=e&data=https://host/?session_id=2");
    assert_eq!(event, NewEvent::new(1, "e").data("https://host/?session_id=2"));
    let event = query("https://host/?data=what?&session_id=1&event_type=e");
    assert_eq!(event, NewEvent::new(1, "e").data("what?"));
}

#[test]
fn empty_values_of_a_query_are_absent() {
    let event = query(
        "session_id=1&event_type=e&latitude=&longitude=&client_time=&tags=&data&server_time=",
    );
    assert_eq!(event, NewEvent::new(1, "e"));
    assert!(query_error("session_id=&event_type=e").contains("session_id: is required"));
    assert!(query_error("session_id=1").contains("event_type: is required"));
    assert!(query_error("").contains("session_id: is required"));
    assert!(query_error("https://host/").contains("session_id: is required"));
}

#[test]
fn the_last_of_repeated_values_counts() {
    let event = query("session_id=1&event_type=e&latitude=x&session_id=2&latitude=");
    assert_eq!(event, NewEvent::new(2, "e"));
}

#[test]
fn tags_come_before_tag_ids_where_there_are_any() {
    let tags = |text: &str| query(&format!("session_id=1&event_type=e&{text}")).tags;
    assert_eq!(tags("tag_ids=3,8"), ["3", "8"]);
    assert_eq!(tags("tag_ids=3,8&tags=1"), ["1"]);
    assert_eq!(tags("tag_ids=3,8&tags="), ["3", "8"]);
    assert_eq!(tags("tag_ids=3,8&tags=,"), ["3", "8"]);
    assert_eq!(json(r#"{"session_id":1,"event_type":"e","tag_ids":[3],"tags":[]}"#).tags, ["3"]);
    assert_eq!(json(r#"{"session_id":1,"event_type":"e","tag_ids":[3],"tags":4}"#).tags, ["4"]);
}

#[test]
fn comma_text_may_hold_blanks_and_gaps() {
    assert_eq!(parse_tags(" 1, 2 ,,3,"), ["1", "2", "3"]);
    assert_eq!(parse_tags("wind and sea,1,1"), ["wind and sea", "1", "1"]);
    assert!(parse_tags(" , ").is_empty());
}

#[test]
fn half_a_location_names_the_missing_half() {
    let half = "session_id=1&event_type=e";
    assert!(query_error(&format!("{half}&latitude=1")).contains("longitude: is required"));
    assert!(query_error(&format!("{half}&longitude=1")).contains("latitude: is required"));
    let error = json_error(r#"{"session_id":1,"event_type":"e","latitude":1}"#);
    assert!(error.contains("longitude: is required where latitude is given"), "{error}");
}

#[test]
fn values_that_cannot_be_read_are_named() {
    let error = |text: &str| query_error(&format!("session_id=1&event_type=e&{text}"));
    assert!(
        error("latitude=north&longitude=1").ends_with(r#"latitude: must be a number, not "north""#)
    );
    assert!(
        error("longitude=1,5&latitude=1").contains(r#"longitude: must be a number, not "1,5""#)
    );
    assert!(error("server_time=2013-01-05T16:12:13").contains("server_time: must be RFC 3339"));
    assert!(error("server_time=2013-01-05").contains("server_time: must be RFC 3339"));
}

#[test]
fn bytes_that_are_not_utf8_are_refused_and_a_sent_replacement_is_kept() {
    let error = |text: &str| query_error(&format!("session_id=1&event_type=e&{text}"));
    assert!(error("data=%FF").contains(r#"data: must be UTF-8 once percent-decoded, not "%FF""#));
    assert!(error("data=%F0%EF%BF%BD").contains("data: must be UTF-8"));
    assert!(error("data=%25EF%BF%BD").contains("data: must be UTF-8"));
    assert!(error("tags=1,%C3").contains("tags: must be UTF-8"));
    for sent in ["%EF%BF%BD", "%ef%bf%bd", "\u{FFFD}"] {
        let event = query(&format!("session_id=1&event_type=e&data={sent}"));
        assert_eq!(event.data.as_deref(), Some("\u{FFFD}"));
    }
    assert_eq!(query("session_id=1&event_type=e&other=%FF"), NewEvent::new(1, "e"));
}

#[test]
fn a_server_time_needs_its_zone() {
    let expected = NewEvent::new(1, "e").server_time(time("2013-01-05T16:12:13.5Z"));
    assert_eq!(query("session_id=1&event_type=e&server_time=2013-01-05T16:12:13.5Z"), expected);
    assert_eq!(
        json(r#"{"session_id":1,"event_type":"e","server_time":"2013-01-05T18:12:13.50+02:00"}"#),
        expected
    );
    for refused in [r#""2017-06-07T22:41:50.556694""#, r#""2017-06-07""#, "1496875310", r#""""#] {
        let error =
            json_error(&format!(r#"{{"session_id":1,"event_type":"e","server_time":{refused}}}"#));
        assert!(error.contains("server_time"), "{error}");
    }
}

#[test]
fn json_may_spell_fields_in_several_ways() {
    let text = r#"{
        "id": {"any": ["thing"]}, "session_id": 2894, "event_type": 7, "unknown": [1, {}],
        "client_time": 1357402333123, "latitude": "1.25", "longitude": 1,
        "tag_ids": [1, "sea", -2], "data": ""
    }"#;
    let expected = NewEvent::new(2894, 7)
        .client_time("1357402333123")
        .location(1.25, 1.0)
        .tags(["1", "sea", "-2"])
        .data("");
    assert_eq!(json(text), expected);
    let value: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::from_value::<NewEvent>(value).unwrap(), expected);
}

#[test]
fn json_keeps_integers_readable() {
    let session = |id: &str| json(&format!(r#"{{"session_id":{id},"event_type":"e"}}"#)).session_id;
    assert_eq!(session("-1"), "-1");
    assert_eq!(session("18446744073709551615"), "18446744073709551615");
    assert_eq!(session(r#""007""#), "007");
    let event = json(r#"{"session_id":1,"event_type":"e","client_time":1357402333.25,"tags":9}"#);
    assert_eq!(event, NewEvent::new(1, "e").client_time("1357402333.25").tag(9));
}

#[test]
fn null_in_json_is_absent() {
    let event = json(
        r#"{"session_id":1,"event_type":"e","server_time":null,"client_time":null,
            "latitude":null,"longitude":null,"tags":null,"tag_ids":"3, 8","data":null}"#,
    );
    assert_eq!(event, NewEvent::new(1, "e").tags([3, 8]));
    assert!(
        json_error(r#"{"session_id":null,"event_type":"e"}"#).contains("session_id: is required")
    );
    assert!(json_error(r#"{"session_id":1}"#).contains("event_type: is required"));
}

#[test]
fn the_last_of_repeated_keys_counts() {
    let event = json(
        r#"{"session_id":1,"session_id":"2","event_type":"e","data":"x","data":null,
            "tags":"1","tags":[2]}"#,
    );
    assert_eq!(event, NewEvent::new(2, "e").tag(2));
}

#[test]
fn json_of_another_type_is_refused_by_field() {
    let error = |pair: &str| json_error(&format!(r#"{{"session_id":1,"event_type":"e",{pair}}}"#));
    for (pair, expected) in [
        (r#""session_id":1.5"#, "session_id as a string or an integer"),
        (r#""event_type":true"#, "event_type as a string or an integer"),
        (r#""client_time":[]"#, "client_time as a string or a number"),
        (r#""latitude":{}"#, "latitude as a number or a numeric string"),
        (r#""longitude":"east""#, r#"longitude: must be a number, not "east""#),
        (r#""tags":[1,null]"#, "tags as a string or an integer"),
        (r#""tag_ids":1.5"#, "tag_ids as a list of strings or integers"),
        (r#""data":5"#, "data as a string"),
    ] {
        let error = error(pair);
        assert!(error.contains(expected), "{pair}: {error}");
    }
    assert!(json_error("[]").contains("an event as a map of its fields"));
}

#[test]
fn an_event_is_written_in_the_order_of_its_keys() {
    let day = "2013-01-05".parse().unwrap();
    let mut event = Event {
        id: EventId::new(day, 3),
        server_time: time("2013-01-05T16:12:13.25Z"),
        session_id: "2894".into(),
        event_type: "modify_stream".into(),
        client_time: Some("2013-01-05 16:12:13  0000".into()),
        latitude: Some(1.5),
        longitude: Some(-2.25),
        tags: vec!["1".into(), "2".into()],
        data: Some(String::new()),
    };
    let text = serde_json::to_string(&event).unwrap();
    let expected = format!(
        concat!(
            r#"{{"id":{},"server_time":"2013-01-05T16:12:13.250000Z","session_id":"2894","#,
            r#""event_type":"modify_stream","client_time":"2013-01-05 16:12:13  0000","#,
            r#""latitude":1.5,"longitude":-2.25,"tags":["1","2"],"data":""}}"#,
        ),
        event.id
    );
    assert_eq!(text, expected);
    assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
    assert_eq!(json(&text), event.clone().into());

    (event.client_time, event.latitude, event.longitude) = (None, None, None);
    (event.tags, event.data) = (Vec::new(), None);
    let text = serde_json::to_string(&event).unwrap();
    assert!(text.ends_with(r#""session_id":"2894","event_type":"modify_stream"}"#), "{text}");
    assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
}

#[test]
fn a_logged_event_needs_its_id_and_server_time() {
    let error = |text: &str| serde_json::from_str::<Event>(text).unwrap_err().to_string();
    let rest = r#""session_id":1,"event_type":"e""#;
    let text = format!(r#"{{"server_time":"2013-01-05T16:12:13Z",{rest}}}"#);
    assert!(error(&text).contains("id: is required"));
    assert!(error(&format!(r#"{{"id":1,{rest}}}"#)).contains("server_time: is required"));
    assert!(error(&format!(r#"{{"id":{},{rest}}}"#, u64::MAX)).contains("no event has this id"));
}

fn any_new_event() -> impl Strategy<Value = NewEvent> {
    let degrees = (-90_000_000..=90_000_000_i32).prop_map(|micro| f64::from(micro) / 1e6);
    (
        ("\\PC{1,8}", "[a-z_]{1,8}"),
        proptest::option::of(0..4_000_000_000_000_000_i64),
        proptest::option::of("\\PC{1,20}"),
        proptest::option::of((degrees.clone(), degrees)),
        proptest::collection::vec("[a-z0-9]{1,4}", 0..4),
        proptest::option::of(any::<String>().prop_filter("absent", |data| !data.is_empty())),
    )
        .prop_map(|(names, server_time, client_time, location, tags, data)| NewEvent {
            session_id: names.0,
            event_type: names.1,
            server_time: server_time.map(Timestamp::from_micros),
            client_time,
            location: location.map(|(latitude, longitude)| Location { latitude, longitude }),
            tags,
            data,
        })
}

proptest! {
    #[test]
    fn no_text_panics(text: String, near in "[?&=#%+,a-zF0-9:/.]{0,40}") {
        for text in [text, near] {
            let _ = NewEvent::from_query(&text);
            let _ = NewEvent::from_query(&format!("session_id=1&event_type=e&data={text}"));
            let _ = NewEvent::from_query(&format!("session_id=1&event_type=e&{text}"));
            let _ = serde_json::from_str::<NewEvent>(&text);
            let _ = serde_json::from_str::<Event>(&format!("{{{text}}}"));
        }
    }

    #[test]
    fn what_is_put_in_a_query_comes_out(event in any_new_event()) {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("session_id", &event.session_id);
        query.append_pair("event_type", &event.event_type);
        query.append_pair("client_time", event.client_time.as_deref().unwrap_or(""));
        query.append_pair("data", event.data.as_deref().unwrap_or(""));
        query.append_pair("tags", &event.tags.join(","));
        if let Some(time) = event.server_time {
            query.append_pair("server_time", &time.to_string());
        }
        if let Some(location) = event.location {
            query.append_pair("latitude", &location.latitude.to_string());
            query.append_pair("longitude", &location.longitude.to_string());
        }
        let query = query.finish();
        prop_assert_eq!(NewEvent::from_query(&query).unwrap(), event.clone());
        let url = format!("https://host/?{query}#end");
        prop_assert_eq!(NewEvent::from_query(&url).unwrap(), event);
    }

    #[test]
    fn what_is_put_in_json_comes_out(event in any_new_event(), ordinal: u32) {
        let server_time = event.server_time.unwrap_or_default();
        let event = Event {
            id: EventId::new(crate::time::Day::of(server_time).unwrap(), ordinal),
            server_time,
            session_id: event.session_id,
            event_type: event.event_type,
            client_time: event.client_time,
            latitude: event.location.map(|location| location.latitude),
            longitude: event.location.map(|location| location.longitude),
            tags: event.tags,
            data: event.data,
        };
        let text = serde_json::to_string(&event).unwrap();
        prop_assert_eq!(&json(&text), &event.clone().into());
        prop_assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
    }
}
