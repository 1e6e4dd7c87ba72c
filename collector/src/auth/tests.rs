use super::*;

fn auth() -> (tempfile::TempDir, Auth) {
    let folder = tempfile::tempdir().unwrap();
    let auth = Auth::open(folder.path()).unwrap();
    (folder, auth)
}

#[test]
fn tokens_survive_a_restart_and_are_not_in_the_file() {
    let (folder, auth) = auth();
    let new = auth
        .create_token(Scope::Read, "ci", Some("severity:warn"), None)
        .unwrap();
    assert!(new.token.starts_with("tt_read_") && new.token.len() == 8 + 43);
    let text = std::fs::read_to_string(folder.path().join("auth.json")).unwrap();
    assert!(!text.contains(&new.token));
    let local = auth.local_token();
    let again = Auth::open(folder.path()).unwrap();
    assert_eq!(again.local_token(), local);
    assert_eq!(again.check(&local).unwrap().scope, Scope::Admin);
    let grant = again.check(&new.token).unwrap();
    assert_eq!(grant.selector.unwrap().to_string(), "severity:warn");
    assert_eq!(
        again.check("tt_read_nonsense").unwrap_err(),
        AuthError::UnknownToken
    );
}

#[tokio::test]
async fn the_token_of_a_viewer_is_written_later_and_never_over_a_newer_change() {
    let folder = tempfile::tempdir().unwrap();
    let auth = Arc::new(Auth::open(folder.path()).unwrap());
    // The file cannot be written yet.
    let writing = auth.written.lock().unwrap();
    let expires_ts = now_micros() + 60_000_000;
    let [kept, revoked] = [(), ()].map(|()| auth.create_viewer_token(None, expires_ts).unwrap());
    assert!(auth.check(&kept.token).is_ok());
    drop(writing);
    auth.revoke_token(&revoked.id).unwrap();
    // Each write holds a reference, so the last one has ended when no other is left.
    while Arc::strong_count(&auth) > 1 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    auth.write(1, &AuthFile::default()).unwrap();
    let again = Auth::open(folder.path()).unwrap();
    assert!(again.check(&kept.token).is_ok());
    assert!(again.check(&revoked.token).is_err());
}

#[test]
fn revoking_ends_what_the_token_opened() {
    let (_folder, auth) = auth();
    let new = auth.create_token(Scope::Read, "x", None, None).unwrap();
    let grant = auth.check(&new.token).unwrap();
    auth.revoke_token(&new.id).unwrap();
    assert!(grant.ended.is_cancelled());
    assert!(auth.check(&new.token).is_err());
    assert!(matches!(
        auth.revoke_token(&new.id),
        Err(AuthError::NoSuch { what: "token", .. })
    ));
}

#[test]
fn a_restart_replaces_what_was_revoked_of_this_machines_own() {
    let (folder, auth) = auth();
    let (token, pairing) = (auth.local_token(), auth.local_pairing().unwrap());
    auth.revoke_token(&auth.check(&token).unwrap().token_id).unwrap();
    auth.revoke_pairing(&pairing.pairing).unwrap();
    let again = Auth::open(folder.path()).unwrap();
    let (new_token, new_pairing) = (again.local_token(), again.local_pairing().unwrap());
    assert!(again.check(&token).is_err() && again.check(&pairing.token).is_err());
    assert_eq!(again.check(&new_token).unwrap().scope, Scope::Admin);
    assert_eq!(
        again.check(&new_pairing.token).unwrap().pairing,
        Some(new_pairing.pairing)
    );
    assert_eq!(
        (again.tokens().len(), again.pairings().len()),
        (2, 1),
        "nothing of the old stays"
    );
}

#[test]
fn an_expired_token_is_unknown() {
    let (_folder, auth) = auth();
    let new = auth
        .create_token(Scope::Read, "x", None, Some(now_micros() - 1))
        .unwrap();
    assert_eq!(auth.check(&new.token).unwrap_err(), AuthError::UnknownToken);
}

#[test]
fn a_pairing_works_from_its_origin_alone() {
    let (folder, auth) = auth();
    let ours = "chrome-extension://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    let other = "chrome-extension://bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    let new = auth.create_pairing(Some(ours), "work", false).unwrap();
    let pairing = auth.check(&new.token).unwrap().pairing.unwrap();
    assert_eq!(auth.check_origin(&pairing, ours), Ok(()));
    assert!(matches!(
        auth.check_origin(&pairing, other),
        Err(AuthError::WrongOrigin { .. })
    ));

    let local = auth.local_pairing().unwrap().pairing;
    assert_eq!(auth.check_origin(&local, other), Ok(()), "bound by its first use");
    assert!(auth.check_origin(&local, ours).is_err());
    let again = Auth::open(folder.path()).unwrap();
    assert_eq!(again.check_origin(&local, ours), Ok(()), "for this run only");
    assert!(again.check_origin(&pairing, other).is_err());

    again.revoke_pairing(&pairing).unwrap();
    assert!(again.check(&new.token).is_err() && again.secret(Some(&pairing)).is_none());
}

#[test]
fn a_code_works_once() {
    let codes = Codes::default();
    let code = codes.issue(7);
    assert_eq!(codes.redeem("wrong"), Err(AuthError::WrongCode));
    assert_eq!(codes.redeem(&code), Ok(7));
    assert_eq!(codes.redeem(&code), Err(AuthError::WrongCode));
}

#[test]
fn hello_is_an_hmac_over_nonce_and_address() {
    // Independently: `printf '\x01\x02127.0.0.1:28273' | openssl dgst -sha256 -mac HMAC -macopt hexkey:00ff`
    let hmac = hello_hmac("00ff", &[1, 2], "127.0.0.1:28273").unwrap();
    assert_eq!(
        hmac,
        "6e874c38788f3c5bc04a483de5a8332ff3f568736ecb72e467d2098a609c3f70"
    );
    assert_ne!(hmac, hello_hmac("00ff", &[1, 2], "127.0.0.1:28274").unwrap());
    assert_eq!(hello_hmac("xyz", &[1], "a"), None);
}
