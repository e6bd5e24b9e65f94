//! The conversation with a gateway to SPID and CIE, by OpenID Connect Core 1.0: code flow, PKCE (RFC 7636), nonce, `acr`.
//!
//! What the gateway says is believed after its signature, issuer, audience, times, nonce and level of assurance are checked.
//! Who somebody is here, the store knows: an identity that is linked to no account opens nothing.

use std::sync::Arc;
use std::time::Duration as StdDuration;

use chrono::{DateTime, Duration, Utc};
use openidconnect::core::{
    CoreAuthPrompt, CoreAuthenticationFlow, CoreClient, CoreIdToken, CoreIdTokenClaims, CoreJwsSigningAlgorithm,
    CoreProviderMetadata,
};
use openidconnect::{
    AuthenticationContextClass, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IssuerUrl, Nonce, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, SignatureVerificationError, TokenResponse,
};
use rand::Rng;
use serde::{Deserialize, Serialize};
use store::GatewayIdentity;
use tokio::sync::RwLock;

/// Where the gateway sends the browser back to.
pub(crate) const RETURN_PATH: &str = "/accesso/gateway/ritorno";
/// The gateway's metadata and keys are asked for again after so long; a key that is not among them asks at once.
const METADATA_FOR: Duration = Duration::hours(1);
/// Clocks may differ by so much.
const SKEW: Duration = Duration::minutes(1);
/// An answer that took longer to come here is not believed.
const ANSWERED_WITHIN: Duration = Duration::minutes(10);
/// The gateway has so long to answer.
const PATIENCE: StdDuration = StdDuration::from_secs(10);
/// No answer of a gateway is larger.
const ANSWER_BYTES_MAX: usize = 512 * 1024;
/// What a gateway may sign with: never a secret that we hold too, never nothing.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 6] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// A gateway, as whoever runs the portal describes it.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayConfig {
    /// How people call it: "SPID o CIE".
    pub name: String,
    /// Its address, exactly as its tokens name it.
    pub issuer: String,
    /// The name it knows this portal by.
    pub client_id: String,
    /// The secret it gave for that; without one, the code's own proof (PKCE) has to do.
    pub client_secret: Option<String>,
    /// The levels of assurance (`acr`) that are accepted, one at least; each must stand for two factors.
    pub acr: Vec<String>,
}

/// Why a gateway cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GatewayConfigError {
    /// A field makes no sense.
    #[error("the gateway's {0} makes no sense: {1}")]
    Field(&'static str, &'static str),
    /// The client for it cannot be made.
    #[error("the gateway cannot be asked from here")]
    Client(#[source] reqwest::Error),
}

/// Why the gateway's answer opens nothing. Its text is for the log: it names no person and no secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GatewayError {
    #[error("the gateway does not answer, or not in its protocol: {0}")]
    Unreachable(String),
    #[error("the gateway's answer is not believed: {0}")]
    NotBelieved(String),
}

/// What is being done with the gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Purpose {
    /// Log in.
    Enter,
    /// Link the identity to the account of a session.
    Link { session: String },
    /// Show again who holds a session, then go on.
    Confirm { session: String, then: String },
}

/// What the browser carries, sealed, while it is at the gateway.
#[derive(Serialize, Deserialize)]
pub(crate) struct Flow {
    pub(crate) purpose: Purpose,
    state: String,
    nonce: String,
    verifier: String,
    begun_at: DateTime<Utc>,
}

/// What the gateway sends back through the browser.
pub(crate) struct Returned<'a> {
    pub(crate) code: &'a str,
    pub(crate) state: &'a str,
    /// Who answers (RFC 9207), where the gateway says so.
    pub(crate) issuer: Option<&'a str>,
}

/// A gateway that can be asked.
#[derive(Clone)]
pub struct Gateway(Arc<Shared>);

struct Shared {
    config: GatewayConfig,
    issuer: IssuerUrl,
    redirect: RedirectUrl,
    http: reqwest::Client,
    metadata: RwLock<Option<(DateTime<Utc>, CoreProviderMetadata)>>,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("issuer", &self.0.config.issuer).finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    #[error(transparent)]
    Answer(#[from] openidconnect::http::Error),
    #[error("the answer has more than {ANSWER_BYTES_MAX} bytes")]
    TooLarge,
}

impl Gateway {
    /// A gateway, asked by the portal with this public address (`https://…`, without a path). Nothing is asked yet: a gateway
    /// that is down stops nobody from logging in with a password.
    ///
    /// # Errors
    /// [`GatewayConfigError`].
    pub fn new(config: GatewayConfig, public_address: &str) -> Result<Self, GatewayConfigError> {
        let is_safe = |address: &str| {
            let is_local = ["http://127.0.0.1", "http://localhost"].iter().any(|local| address.starts_with(local));
            address.starts_with("https://") || is_local
        };
        if !is_safe(&config.issuer) {
            return Err(GatewayConfigError::Field("issuer", "it must begin with https://"));
        }
        let issuer = IssuerUrl::new(config.issuer.clone())
            .map_err(|_| GatewayConfigError::Field("issuer", "it is no address"))?;
        if config.acr.is_empty() || config.acr.iter().any(|level| level.trim().is_empty()) {
            return Err(GatewayConfigError::Field("acr", "name one level of assurance at least"));
        }
        if config.name.trim().is_empty() || config.client_id.trim().is_empty() {
            return Err(GatewayConfigError::Field("name or client_id", "it is empty"));
        }
        let redirect = RedirectUrl::new(format!("{}{RETURN_PATH}", public_address.trim_end_matches('/')))
            .map_err(|_| GatewayConfigError::Field("return address", "--public-url is no address"))?;
        let http = reqwest::Client::builder()
            // A gateway that sends us elsewhere is none.
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()
            .map_err(GatewayConfigError::Client)?;
        Ok(Self(Arc::new(Shared { config, issuer, redirect, http, metadata: RwLock::new(None) })))
    }

    /// How people call it.
    pub(crate) fn name(&self) -> &str {
        &self.0.config.name
    }

    /// The identity with this subject.
    pub(crate) fn identity(&self, subject: &str) -> Result<GatewayIdentity, store::Refused> {
        GatewayIdentity::new(&self.0.config.issuer, subject)
    }

    /// Where to send the browser, and what it must bring back.
    pub(crate) async fn begin(
        &self,
        purpose: Purpose,
        now: DateTime<Utc>,
        chance: &mut impl Rng,
    ) -> Result<(String, Flow), GatewayError> {
        let client = self.client(now, false).await?;
        let is_again = matches!(purpose, Purpose::Confirm { .. });
        let flow =
            Flow { purpose, state: random(chance), nonce: random(chance), verifier: random(chance), begun_at: now };
        let verifier = PkceCodeVerifier::new(flow.verifier.clone());
        let (state, nonce) = (CsrfToken::new(flow.state.clone()), Nonce::new(flow.nonce.clone()));
        let mut asked = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, || state, || nonce)
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        for level in &self.0.config.acr {
            asked = asked.add_auth_context_value(AuthenticationContextClass::new(level.clone()));
        }
        if is_again {
            asked = asked.add_prompt(CoreAuthPrompt::Login).set_max_age(StdDuration::ZERO);
        }
        Ok((asked.url().0.to_string(), flow))
    }

    /// Who came back.
    pub(crate) async fn finish(
        &self,
        flow: &Flow,
        returned: Returned<'_>,
        now: DateTime<Utc>,
    ) -> Result<GatewayIdentity, GatewayError> {
        let not_believed = |why: &str| GatewayError::NotBelieved(why.to_owned());
        if returned.state != flow.state {
            return Err(not_believed("it is to another question"));
        }
        if returned.issuer.is_some_and(|issuer| issuer != self.0.config.issuer) {
            return Err(not_believed("it is another gateway's"));
        }
        if flow.begun_at + ANSWERED_WITHIN <= now {
            return Err(not_believed("it comes too late"));
        }
        let client = self.client(now, false).await?;
        let http = self.http();
        let tokens = client
            .exchange_code(AuthorizationCode::new(returned.code.to_owned()))
            .map_err(|error| GatewayError::Unreachable(error.to_string()))?
            .set_pkce_verifier(PkceCodeVerifier::new(flow.verifier.clone()))
            .request_async(&http)
            .await
            .map_err(|error| GatewayError::NotBelieved(format!("the code gives no token: {error}")))?;
        let token = tokens.id_token().ok_or_else(|| not_believed("it has no token of identity"))?;
        let claims = match self.believe(&client, token, flow, now) {
            // Its keys may be newer than those that we know.
            Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) => {
                let client = self.client(now, true).await?;
                self.believe(&client, token, flow, now).cloned()
            }
            other => other.cloned(),
        };
        let claims: CoreIdTokenClaims = claims.map_err(|error| GatewayError::NotBelieved(error.to_string()))?;
        self.identity(claims.subject()).map_err(|_| not_believed("its subject is empty or too long"))
    }

    fn believe<'a>(
        &self,
        client: &Client,
        token: &'a CoreIdToken,
        flow: &Flow,
        now: DateTime<Utc>,
    ) -> Result<&'a CoreIdTokenClaims, ClaimsVerificationError> {
        let accepted = self.0.config.acr.clone();
        let is_again = matches!(flow.purpose, Purpose::Confirm { .. });
        let begun_at = flow.begun_at;
        let verifier = client
            .id_token_verifier()
            .set_allowed_algs(ALGORITHMS)
            .set_time_fn(move || now)
            .set_issue_time_verifier_fn(move |issued: DateTime<Utc>| {
                let is_recent = issued <= now + SKEW && issued + SKEW >= begun_at;
                if is_recent { Ok(()) } else { Err("it was not made for this login".to_owned()) }
            })
            .set_auth_context_verifier_fn(move |level: Option<&AuthenticationContextClass>| match level {
                Some(level) if accepted.iter().any(|one| one == level.as_ref()) => Ok(()),
                Some(_) => Err("the level of assurance is not accepted".to_owned()),
                None => Err("it says no level of assurance".to_owned()),
            })
            .set_auth_time_verifier_fn(move |at: Option<DateTime<Utc>>| match at {
                _ if !is_again => Ok(()),
                Some(at) if at + SKEW >= begun_at => Ok(()),
                Some(_) => Err("nobody was asked again".to_owned()),
                None => Err("it does not say when somebody was asked".to_owned()),
            });
        token.claims(&verifier, &Nonce::new(flow.nonce.clone()))
    }

    /// The client, with the gateway's metadata of the last hour, or of now.
    async fn client(&self, now: DateTime<Utc>, of_now: bool) -> Result<Client, GatewayError> {
        let known = self.0.metadata.read().await.clone();
        let fresh = known.filter(|(asked_at, _)| !of_now && *asked_at + METADATA_FOR > now && *asked_at <= now);
        let metadata = match fresh {
            Some((_, metadata)) => metadata,
            None => {
                let http = self.http();
                let metadata = CoreProviderMetadata::discover_async(self.0.issuer.clone(), &http)
                    .await
                    .map_err(|error| GatewayError::Unreachable(error.to_string()))?;
                *self.0.metadata.write().await = Some((now, metadata.clone()));
                metadata
            }
        };
        let config = &self.0.config;
        let secret = config.client_secret.clone().map(ClientSecret::new);
        let client = CoreClient::from_provider_metadata(metadata, ClientId::new(config.client_id.clone()), secret);
        Ok(client.set_redirect_uri(self.0.redirect.clone()))
    }

    /// What asks the gateway: no more than so many bytes come back.
    fn http(&self) -> impl Fn(HttpRequest) -> BoxedAnswer + use<> {
        let client = self.0.http.clone();
        move |request| {
            let client = client.clone();
            Box::pin(async move { ask(&client, request).await })
        }
    }
}

type BoxedAnswer = std::pin::Pin<Box<dyn Future<Output = Result<HttpResponse, AskError>> + Send>>;

async fn ask(client: &reqwest::Client, request: HttpRequest) -> Result<HttpResponse, AskError> {
    let mut answer = client.execute(request.try_into()?).await?;
    let mut response = HttpResponse::new(Vec::new());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    while let Some(piece) = answer.chunk().await? {
        if response.body().len() + piece.len() > ANSWER_BYTES_MAX {
            return Err(AskError::TooLarge);
        }
        response.body_mut().extend_from_slice(&piece);
    }
    Ok(response)
}

/// 64 hexadecimal digits that nobody guesses.
fn random(chance: &mut impl Rng) -> String {
    let mut bytes = [0; 32];
    chance.fill_bytes(&mut bytes);
    hex::encode(bytes)
}
