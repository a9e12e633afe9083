// An OpenID provider for tests, on npm's oidc-provider: node op.mjs '{"redirectUri": …, "secret": …, …}'
// Prints its issuer once it listens. POST user=…&factor=yes|no to the page of an interaction signs in.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const given = JSON.parse(process.argv[2]);
const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, configuration());
  const answer = provider.callback();
  server.on('request', (req, res) => (req.url.startsWith('/interaction/') ? interact(provider, req, res) : answer(req, res)));
  console.log(issuer);
});

function signingKey() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid: randomBytes(8).toString('hex') };
}

function configuration() {
  return {
    clients: [
      {
        client_id: 'sslclm-web', client_secret: given.secret, redirect_uris: [given.redirectUri],
        post_logout_redirect_uris: [given.afterLogout], grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'], id_token_signed_response_alg: 'ES256', backchannel_logout_uri: given.backChannel,
        backchannel_logout_session_required: true,
      },
      {
        client_id: 'ci-shop', client_secret: given.secret, redirect_uris: [], response_types: [],
        grant_types: ['client_credentials'], id_token_signed_response_alg: 'ES256',
      },
    ],
    jwks: { keys: [signingKey()] },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    acrValues: ['pwd', 'mfa'],
    conformIdTokenClaims: false,
    claims: { openid: ['sub', 'acr', 'amr', 'auth_time', 'sid'], profile: ['name'], email: ['email'], groups: ['groups'] },
    scopes: ['openid', 'profile', 'email', 'groups'],
    enabledJWA: { idTokenSigningAlgValues: ['ES256', 'RS256'] },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    issueRefreshToken: async (_, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, name: `User ${id}`, email: `${id}@example.org`, groups: given.groups[id] ?? [] }) }),
    loadExistingGrant: grantAll,
    extraTokenClaims: (_, token) => (token.kind === 'ClientCredentials' ? { groups: given.groups[token.clientId] ?? [] } : undefined),
    // the library refuses to post to loopback; here the application under test is nowhere else
    fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      backchannelLogout: { enabled: true },
      revocation: { enabled: true },
      claimsParameter: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => { ctx.body = `<!doctype html>${form}`; },
        postLogoutSuccessSource: (ctx) => { ctx.body = 'signed out'; },
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: (ctx) => (ctx.oidc.client.clientId === 'ci-shop' ? given.audience : undefined),
        getResourceServerInfo: () => ({ scope: 'sslclm', audience: given.audience, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } }),
      },
    },
  };
}

async function grantAll(ctx) {
  const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
  grant.addOIDCScope('openid profile email groups');
  await grant.save();
  return grant;
}

async function interact(provider, req, res) {
  if (req.method !== 'POST') {
    res.end('<form method="post"><input name="user"><input name="factor"></form>');
    return;
  }
  let body = '';
  for await (const chunk of req) body += chunk;
  const form = new URLSearchParams(body);
  const mfa = form.get('factor') === 'yes';
  const login = { accountId: form.get('user'), acr: mfa ? 'mfa' : 'pwd', amr: mfa ? ['pwd', 'otp'] : ['pwd'] };
  await provider.interactionFinished(req, res, { login }, { mergeWithLastSubmission: false });
}
