// A gateway for the browser tests, on another site than the portal (127.0.0.1 is not localhost): OpenID Connect with RS256, and
// a page on which somebody says who they are.

import { createHash, createSign, generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';

/** Starts it; `{ issuer, config, stop }`, where `config` is what the portal's file holds. */
export async function startGateway() {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'uno', alg: 'RS256', use: 'sig' };
  const client = { id: 'noncello', secret: randomBytes(24).toString('hex') };
  const level = 'https://www.spid.gov.it/SpidL2';
  const grants = new Map();
  let issuer;

  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const tokenOf = (claims) => {
    const text = `${part({ alg: 'RS256', typ: 'JWT', kid: 'uno' })}.${part(claims)}`;
    return `${text}.${createSign('RSA-SHA256').update(text).sign(privateKey).toString('base64url')}`;
  };
  const json = (response, body, status = 200) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

  /** One link for each subject: whoever follows it is signed in. */
  function authorize(response, asked) {
    const links = ['anna', 'bruno'].map((subject) => {
      const code = randomBytes(16).toString('hex');
      grants.set(code, { subject, nonce: asked.get('nonce'), challenge: asked.get('code_challenge') });
      const back = new URL(asked.get('redirect_uri'));
      back.search = new URLSearchParams({ code, state: asked.get('state'), iss: issuer });
      return `<p><a href="${back}">Sono ${subject}</a></p>`;
    });
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(`<!doctype html><html lang="it"><title>Gateway</title>${links.join('')}</html>`);
  }

  async function exchange(request, response) {
    let body = '';
    for await (const piece of request) body += piece;
    const fields = new URLSearchParams(body);
    const grant = grants.get(fields.get('code'));
    grants.delete(fields.get('code'));
    const proof = createHash('sha256').update(fields.get('code_verifier') ?? '').digest('base64url');
    const basic = `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}`;
    if (grant?.challenge !== proof || request.headers.authorization !== basic) return json(response, { error: 'invalid_grant' }, 400);
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: issuer, sub: grant.subject, aud: client.id, iat: now, exp: now + 300, auth_time: now, nonce: grant.nonce, acr: level };
    return json(response, { access_token: 'x', token_type: 'Bearer', id_token: tokenOf(claims) });
  }

  const server = createServer((request, response) => {
    const url = new URL(request.url, issuer);
    if (url.pathname === '/authorize') return authorize(response, url.searchParams);
    if (url.pathname === '/token') return exchange(request, response);
    if (url.pathname === '/keys') return json(response, { keys: [jwk] });
    if (url.pathname !== '/.well-known/openid-configuration') return response.writeHead(404).end();
    return json(response, {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/keys`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
    });
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  issuer = `http://127.0.0.1:${server.address().port}`;
  const config = `name = "SPID o CIE"\nissuer = "${issuer}"\nclient_id = "${client.id}"\nclient_secret = "${client.secret}"\nacr = ["${level}"]\n`;
  const stop = () => new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
  return { issuer, config, stop };
}
