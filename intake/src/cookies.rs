//! The cookies: the session's; the one that ties the login form to the browser that asked for it; and what the browser
//! carries while it is at a gateway.
//!
//! Their names begin with `__Host-`, which makes browsers refuse them from anybody but this host, over TLS alone. Chromium
//! (tried with 156) and Firefox count http://127.0.0.1 and http://localhost as safe and keep them there too; a browser
//! that does not needs `Cookies::Plain`, which is for a loopback address only.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use rand::Rng;
use sha2::{Digest, Sha256};

/// How cookies are marked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cookies {
    /// `__Host-`, Secure: whatever is served to others.
    #[default]
    Host,
    /// Without Secure: plain http on a loopback address, for browsers that want TLS even there.
    Plain,
}

/// Which cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cookie {
    Session,
    Login,
    /// The only one that is sent when another site sends the browser here: the gateway does.
    Gateway,
}

impl Cookie {
    const fn same_site(self) -> &'static str {
        match self {
            Self::Session | Self::Login => "Strict",
            Self::Gateway => "Lax",
        }
    }
}

impl Cookies {
    fn name(self, cookie: Cookie) -> &'static str {
        match (self, cookie) {
            (Self::Host, Cookie::Session) => "__Host-noncello",
            (Self::Host, Cookie::Login) => "__Host-noncello-accesso",
            (Self::Host, Cookie::Gateway) => "__Host-noncello-gateway",
            (Self::Plain, Cookie::Session) => "noncello",
            (Self::Plain, Cookie::Login) => "noncello-accesso",
            (Self::Plain, Cookie::Gateway) => "noncello-gateway",
        }
    }

    fn secure(self) -> &'static str {
        match self {
            Self::Host => " Secure;",
            Self::Plain => "",
        }
    }

    /// The value of a cookie; `None` also when the browser sends the name twice, which ours never makes it do.
    pub(crate) fn read(self, headers: &HeaderMap, cookie: Cookie) -> Option<&str> {
        let name = self.name(cookie);
        let mut found = headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|header| header.to_str().ok())
            .flat_map(|header| header.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(key, _)| *key == name)
            .map(|(_, value)| value);
        let value = found.next()?;
        found.next().is_none().then_some(value)
    }

    /// The header that sets a cookie until the browser is closed. `value` is hexadecimal.
    pub(crate) fn set(self, cookie: Cookie, value: &str) -> Option<HeaderValue> {
        let (name, site) = (self.name(cookie), cookie.same_site());
        let text = format!("{name}={value};{} HttpOnly; SameSite={site}; Path=/", self.secure());
        let mut header = HeaderValue::from_str(&text).ok()?;
        header.set_sensitive(true);
        Some(header)
    }

    /// The header that takes a cookie away.
    pub(crate) fn clear(self, cookie: Cookie) -> Option<HeaderValue> {
        let (name, site) = (self.name(cookie), cookie.same_site());
        let text = format!("{name}=;{} HttpOnly; SameSite={site}; Path=/; Max-Age=0", self.secure());
        HeaderValue::from_str(&text).ok()
    }
}

/// A value for the login cookie.
pub(crate) fn login_value(chance: &mut impl Rng) -> String {
    let mut bytes = [0; 32];
    chance.fill_bytes(&mut bytes);
    hex::encode(bytes)
}

/// What the login form carries for a value of the login cookie: another site can neither read nor set that cookie.
pub(crate) fn login_token(value: &str) -> String {
    hex::encode(Sha256::digest(format!("noncello login form {value}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_read_by_its_whole_name_and_only_when_it_is_alone() {
        let mut headers = HeaderMap::new();
        let read = |headers: &HeaderMap| Cookies::Host.read(headers, Cookie::Session).map(ToOwned::to_owned);
        assert_eq!(read(&headers), None);
        headers.insert(
            COOKIE,
            HeaderValue::from_static("x=1; __Host-noncello=ab; noncello=cd; __Host-noncello-accesso=ef"),
        );
        assert_eq!(read(&headers).as_deref(), Some("ab"));
        assert_eq!(Cookies::Plain.read(&headers, Cookie::Session), Some("cd"));
        assert_eq!(Cookies::Host.read(&headers, Cookie::Login), Some("ef"));
        headers.append(COOKIE, HeaderValue::from_static("__Host-noncello=zz"));
        assert_eq!(read(&headers), None);
    }

    #[test]
    fn a_cookie_is_for_this_host_alone_and_out_of_reach_of_scripts() {
        let header = Cookies::Host.set(Cookie::Session, "ab").unwrap();
        assert_eq!(header.to_str().unwrap(), "__Host-noncello=ab; Secure; HttpOnly; SameSite=Strict; Path=/");
        assert!(Cookies::Host.clear(Cookie::Session).unwrap().to_str().unwrap().ends_with("Max-Age=0"));
    }
}
