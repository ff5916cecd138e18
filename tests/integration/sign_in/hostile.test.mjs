// A provider that lies: each token that is forged, old, of another audience or unsigned is refused, with its reason in the audit.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { Browser, PASSWORD, Platform } from './platform.mjs'

const CLIENT = 'cim'
const now = () => Math.floor(Date.now() / 1000)
const base64url = (text) => Buffer.from(text).toString('base64url')

describe('a provider whose tokens are not what they should be', () => {
  let platform, server, issuer
  let keys = {}
  let published = []
  let fetched = { keys: 0 }
  let nonce = ''
  /** Makes the ID token of the next sign-in; `slow` lets the token endpoint hang. */
  let makeToken = null
  let slow = false

  const providers = () => JSON.stringify({
    providers: [{
      id: 'evil', title: { zh: '甲', en: 'A' }, issuer, client_id: CLIENT, create: true, clock_skew_s: 30,
      claims: { factor: 'amr', factor_value: 'otp' },
    }],
  })
  const claims = (more = {}) => ({
    iss: issuer, aud: CLIENT, sub: 'wang', nonce, iat: now(), exp: now() + 300, preferred_username: 'wang.wu', ...more,
  })
  const sign = (payload, { key = keys.good, alg = 'RS256', kid = 'good', header = {} } = {}) =>
    new SignJWT(payload).setProtectedHeader({ alg, kid, ...header }).sign(key.privateKey)
  const publish = async (name, alg) => ({ ...(await exportJWK(keys[name].publicKey)), kid: name, use: 'sig', alg })

  before(async () => {
    for (const [name, alg] of [['good', 'RS256'], ['curve', 'ES256'], ['evil', 'RS256'], ['next', 'RS256']]) {
      keys[name] = await generateKeyPair(alg)
    }
    published = [await publish('good', 'RS256'), await publish('curve', 'ES256')]
    server = createServer(async (request, response) => {
      const answer = (status, body) => {
        response.writeHead(status, { 'Content-Type': 'application/json' })
        response.end(JSON.stringify(body))
      }
      const { pathname } = new URL(request.url, issuer)
      if (pathname === '/.well-known/openid-configuration') {
        answer(200, {
          issuer, authorization_endpoint: `${issuer}/authorize`, token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/jwks`,
        })
      } else if (pathname === '/jwks') {
        fetched.keys++
        answer(200, { keys: published })
      } else if (pathname === '/token') {
        if (slow) return // until the client gives up
        answer(200, { access_token: 'x', token_type: 'Bearer', id_token: await makeToken() })
      } else {
        answer(404, {})
      }
    })
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    issuer = `http://127.0.0.1:${server.address().port}`
    platform = new Platform()
    platform.addUser('admin', 'platform-admin')
    await platform.serve(`--sign_in.providers=${platform.file('providers.json', providers())}`)
  })
  after(async () => {
    await platform.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  async function signIn() {
    const browser = new Browser()
    const start = await browser.go(`${platform.url}/auth/login/evil`)
    assert.equal(start.status, 302)
    const asked = new URL(start.headers.get('location')).searchParams
    assert.equal(asked.get('code_challenge_method'), 'S256')
    nonce = asked.get('nonce')
    const answer = await browser.go(`${platform.url}/auth/callback/evil?code=c&state=${asked.get('state')}`)
    const inside = await browser.go(`${platform.url}/auth/me`)
    return { status: answer.status, inside: inside.status === 200, text: await answer.text() }
  }

  const good = {
    'as it should be': () => sign(claims()),
    'with a curve': () => sign(claims(), { key: keys.curve, alg: 'ES256', kid: 'curve' }),
    'for several, asked for by us': () => sign(claims({ aud: ['other', CLIENT], azp: CLIENT })),
    'expired within what clocks may differ': () => sign(claims({ exp: now() - 20 })),
    'of a clock that is a little fast': () => sign(claims({ iat: now() + 20, nbf: now() + 20 })),
  }
  for (const [what, make] of Object.entries(good)) {
    it(`lets in: ${what}`, async () => {
      makeToken = make
      const { status, inside, text } = await signIn()
      assert.equal(status, 303, text)
      assert.ok(inside)
    })
  }

  const parts = async () => (await sign(claims())).split('.')
  const bad = {
    'no algorithm': ['alg', async () => `${base64url('{"alg":"none"}')}.${base64url(JSON.stringify(claims()))}.`],
    'no algorithm, with a signature': ['alg', async () => {
      const [, payload, signature] = await parts()
      return `${base64url('{"alg":"None","kid":"good"}')}.${payload}.${signature}`
    }],
    'the public key as a shared secret': ['alg', async () =>
      new SignJWT(claims()).setProtectedHeader({ alg: 'HS256', kid: 'good' }).sign(Buffer.from(JSON.stringify(published[0])))],
    'another key under the same name': ['signature', () => sign(claims(), { key: keys.evil })],
    'a key that the token brings itself': ['token', async () =>
      sign(claims(), { key: keys.evil, header: { jwk: await exportJWK(keys.evil.publicKey) } })],
    'an extension that must be understood': ['token', async () => {
      const [, payload, signature] = await parts()
      return `${base64url('{"alg":"RS256","kid":"good","crit":["x"],"x":1}')}.${payload}.${signature}`
    }],
    'the algorithm of another key': ['kid', () => sign(claims(), { key: keys.curve, alg: 'ES256', kid: 'good' })],
    'changed claims': ['signature', async () => {
      const [header, , signature] = await parts()
      return `${header}.${base64url(JSON.stringify(claims({ sub: 'admin' })))}.${signature}`
    }],
    'a cut signature': ['signature', async () => (await sign(claims())).slice(0, -8)],
    'two parts': ['token', async () => (await parts()).slice(0, 2).join('.')],
    'no JSON inside': ['token', async () => sign(claims()).then(() =>
      new SignJWT({}).setProtectedHeader({ alg: 'RS256', kid: 'good' }).sign(keys.good.privateKey)).then((t) => `x${t}`)],
    'much too long': ['token', () => sign(claims({ filler: 'x'.repeat(20_000) }))],
    'another issuer': ['iss', () => sign(claims({ iss: 'https://evil.example' }))],
    'the issuer with a slash more': ['iss', () => sign(claims({ iss: `${issuer}/` }))],
    'another audience': ['aud', () => sign(claims({ aud: 'other' }))],
    'an audience that only begins like ours': ['aud', () => sign(claims({ aud: [`${CLIENT}2`] }))],
    'no audience': ['aud', () => sign(claims({ aud: undefined }))],
    'several audiences and nobody who asked': ['azp', () => sign(claims({ aud: ['other', CLIENT] }))],
    'asked for by somebody else': ['azp', () => sign(claims({ azp: 'other' }))],
    'expired': ['exp', () => sign(claims({ exp: now() - 40 }))],
    'without an end': ['exp', () => sign(claims({ exp: undefined }))],
    'an end that is text': ['exp', () => sign(claims({ exp: '9999999999' }))],
    'not valid yet': ['nbf', () => sign(claims({ nbf: now() + 60 }))],
    'of tomorrow': ['iat', () => sign(claims({ iat: now() + 86_400, exp: now() + 90_000 }))],
    'of yesterday': ['iat', () => sign(claims({ iat: now() - 86_400 }))],
    'without a date': ['iat', () => sign(claims({ iat: undefined }))],
    'another nonce': ['nonce', () => sign(claims({ nonce: 'f'.repeat(64) }))],
    'no nonce': ['nonce', () => sign(claims({ nonce: undefined }))],
    'nobody': ['sub', () => sign(claims({ sub: undefined }))],
    'a name with a NUL': ['sub', () => sign(claims({ sub: 'wang\u0000' }))],
    'no user name': ['name', () => sign(claims({ sub: 'new', preferred_username: undefined }))],
    'a user name that is taken': ['name', () => sign(claims({ sub: 'new', preferred_username: 'admin' }))],
  }
  for (const [what, [reason, make]] of Object.entries(bad)) {
    it(`refuses: ${what}`, async () => {
      makeToken = make
      const before = await platform.refusals('oidc', reason)
      const { status, inside, text } = await signIn()
      assert.equal(status, 401, text)
      assert.ok(!inside, 'nobody gets in')
      assert.match(text, /登录未完成/)
      assert.equal(await platform.refusals('oidc', reason, before + 1), before + 1, `a refusal for "${reason}" in the audit`)
    })
  }

  it('refuses a token of an earlier sign-in', async () => {
    const held = {}
    makeToken = async () => (held.token ??= await sign(claims()))
    assert.equal((await signIn()).status, 303)
    const before = await platform.refusals('oidc', 'nonce')
    const { status, inside } = await signIn()
    assert.equal(status, 401)
    assert.ok(!inside)
    assert.equal(await platform.refusals('oidc', 'nonce', before + 1), before + 1)
  })

  describe('logout tokens', () => {
    const event = { 'http://schemas.openid.net/event/backchannel-logout': {} }
    let n = 0
    const logout = (more = {}) => ({ iss: issuer, aud: CLIENT, iat: now(), exp: now() + 120, jti: `j${++n}`, sub: 'wang', events: event, ...more })
    const send = (token) => fetch(`${platform.url}/auth/backchannel/evil`, { method: 'POST', body: new URLSearchParams({ logout_token: token }) })

    async function inside() {
      makeToken = () => sign(claims({ sid: 's1' }))
      const browser = new Browser()
      const start = await browser.go(`${platform.url}/auth/login/evil`)
      const asked = new URL(start.headers.get('location')).searchParams
      nonce = asked.get('nonce')
      assert.equal((await browser.go(`${platform.url}/auth/callback/evil?code=c&state=${asked.get('state')}`)).status, 303)
      return async () => (await browser.go(`${platform.url}/auth/me`)).status === 200
    }

    const refused = {
      'not signed by the provider': ['signature', () => sign(logout(), { key: keys.evil })],
      'an ID token': ['nonce', () => sign(claims())],
      'without the event': ['events', () => sign(logout({ events: {} }))],
      'of another audience': ['aud', () => sign(logout({ aud: 'other' }))],
      'of another issuer': ['iss', () => sign(logout({ iss: 'https://evil.example' }))],
      'old': ['iat', () => sign(logout({ iat: now() - 3600 }))],
      'expired': ['exp', () => sign(logout({ exp: now() - 60 }))],
      'of nobody': ['sub', () => sign(logout({ sub: undefined }))],
      'without an id': ['jti', () => sign(logout({ jti: undefined }))],
    }
    for (const [what, [reason, make]] of Object.entries(refused)) {
      it(`end nothing when ${what}`, async () => {
        const is = await inside()
        const before = await platform.refusals('oidc.logout', reason)
        const answer = await send(await make())
        assert.equal(answer.status, 400)
        assert.equal((await answer.json()).error, 'invalid_request')
        assert.equal(await platform.refusals('oidc.logout', reason, before + 1), before + 1)
        assert.ok(await is())
      })
    }

    it('end the sign-ins of the person, once', async () => {
      const first = await inside()
      const token = await sign(logout())
      assert.equal((await send(token)).status, 200)
      assert.ok(!(await first()))
      const second = await inside()
      assert.equal((await send(token)).status, 400)
      assert.ok(await second(), 'a token that was overheard ends nothing')
      assert.equal((await send(await sign(logout({ sub: undefined, sid: 'other' })))).status, 200)
      assert.ok(await second(), 'that was another session')
      assert.equal((await send(await sign(logout({ sub: undefined, sid: 's1' })))).status, 200)
      assert.ok(!(await second()))
    })
  })

  it('takes up new keys at once, and does not let made-up key names make it ask again and again', async () => {
    const fresh = new Platform()
    const first = platform
    try {
      await fresh.serve(`--sign_in.providers=${first.file('providers.json', providers())}`)
      platform = fresh
      makeToken = () => sign(claims())
      assert.equal((await signIn()).status, 303)
      published = [await publish('next', 'RS256')]
      makeToken = () => sign(claims(), { key: keys.next, kid: 'next' })
      let asked = fetched.keys
      assert.equal((await signIn()).status, 303)
      assert.equal(fetched.keys, asked + 1)
      makeToken = () => sign(claims(), { key: keys.evil, kid: `made-up-${Math.random()}` })
      asked = fetched.keys
      assert.equal((await signIn()).status, 401)
      assert.equal((await signIn()).status, 401)
      assert.equal(fetched.keys, asked)
      assert.equal(await platform.refusals('oidc', 'kid', 2), 2)
    } finally {
      platform = first
      await fresh.close()
    }
  })

  it('gives a slow provider up, says so, and signs in locally meanwhile', async () => {
    slow = true
    const before = await platform.refusals('oidc', 'provider')
    const waiting = signIn()
    const local = await fetch(`${platform.url}/auth/login`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ username: 'admin', password: PASSWORD }),
    })
    assert.equal(local.status, 200)
    const { status, inside, text } = await waiting
    assert.equal(status, 503)
    assert.match(text, /统一认证系统暂时没有正常应答/)
    assert.ok(!inside)
    assert.equal(await platform.refusals('oidc', 'provider', before + 1), before + 1)
  })
})
