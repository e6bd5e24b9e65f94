//! An authenticator in software: what a device does when a browser asks it for a passkey (Web Authentication Level 2, sections 6.3
//! and 6.5; COSE keys of RFC 9053; ES256).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use rand::Rng;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const WITH_KEY: u8 = 0x40;

/// One passkey and what keeps it.
pub(super) struct SoftPasskey {
    key: SigningKey,
    id: [u8; 32],
    counter: u32,
    /// Whether it recognises who holds it.
    pub(super) verifies: bool,
}

impl SoftPasskey {
    pub(super) fn new(chance: &mut impl Rng) -> Self {
        let (mut scalar, mut id) = ([0; 32], [0; 32]);
        chance.fill_bytes(&mut scalar);
        chance.fill_bytes(&mut id);
        // Below the order of the curve.
        scalar[0] &= 0x7f;
        Self { key: SigningKey::from_slice(&scalar).unwrap(), id, counter: 0, verifies: true }
    }

    /// Goes back to an earlier count of uses, as a copy of the authenticator does.
    pub(super) fn forget_uses(&mut self) {
        self.counter = 0;
    }

    fn authenticator_data(&mut self, site: &str, more: u8) -> Vec<u8> {
        self.counter += 1;
        let verified = if self.verifies { USER_VERIFIED } else { 0 };
        let mut data = Sha256::digest(site).to_vec();
        data.push(USER_PRESENT | verified | more);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// The public key as COSE: kty 2 (EC2), alg -7 (ES256), crv 1 (P-256), x, y.
    fn cose_key(&self) -> Vec<u8> {
        let point = self.key.verifying_key().to_sec1_point(false);
        let (x, y) = point.as_bytes()[1..].split_at(32);
        let mut key = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
        key.extend(x);
        key.extend([0x22, 0x58, 0x20]);
        key.extend(y);
        key
    }

    /// What the browser of a page at an origin answers when a passkey is to be made.
    pub(super) fn make(&mut self, origin: &str, challenge: &str) -> String {
        let asked: Value = serde_json::from_str(challenge).unwrap();
        let asked = &asked["publicKey"];
        let client = client_data("webauthn.create", &asked["challenge"], origin);
        let mut data = self.authenticator_data(asked["rp"]["id"].as_str().unwrap(), WITH_KEY);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend(self.id);
        data.extend(self.cose_key());
        // {"fmt": "none", "attStmt": {}, "authData": …} in CBOR.
        let mut attestation = vec![0xa3, 0x63];
        attestation.extend(b"fmt");
        attestation.push(0x64);
        attestation.extend(b"none");
        attestation.push(0x67);
        attestation.extend(b"attStmt");
        attestation.extend([0xa0, 0x68]);
        attestation.extend(b"authData");
        attestation.extend([0x58, u8::try_from(data.len()).unwrap()]);
        attestation.extend(&data);
        self.answer(json!({ "attestationObject": encoded(&attestation), "clientDataJSON": encoded(&client) }))
    }

    /// What it answers when one is to be given.
    pub(super) fn give(&mut self, origin: &str, challenge: &str) -> String {
        let asked: Value = serde_json::from_str(challenge).unwrap();
        let asked = &asked["publicKey"];
        let client = client_data("webauthn.get", &asked["challenge"], origin);
        let data = self.authenticator_data(asked["rpId"].as_str().unwrap(), 0);
        let mut signed = data.clone();
        signed.extend(Sha256::digest(&client));
        let signature: Signature = self.key.sign(&signed);
        self.answer(json!({
            "authenticatorData": encoded(&data),
            "clientDataJSON": encoded(&client),
            "signature": encoded(signature.to_der().as_bytes()),
            "userHandle": null,
        }))
    }

    fn answer(&self, response: Value) -> String {
        let id = encoded(&self.id);
        let answer = json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
        });
        answer.to_string()
    }
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn client_data(kind: &str, challenge: &Value, origin: &str) -> Vec<u8> {
    json!({ "type": kind, "challenge": challenge, "origin": origin, "crossOrigin": false }).to_string().into_bytes()
}
