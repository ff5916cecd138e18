// A real OpenID Connect provider (oidc-provider) on a free loopback port, and a browser's way through its pages.
import { createServer } from 'node:http'
import { Provider } from 'oidc-provider'

export const CLIENT = 'cim'
export const SECRET = 'a secret: with/signs+in it'

/** People by account id; the claims are what the provider says of them. */
export async function startProvider(people, redirects) {
  const server = createServer()
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${server.address().port}`
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: CLIENT,
        client_secret: SECRET,
        redirect_uris: redirects.callback,
        post_logout_redirect_uris: redirects.logout,
        response_types: ['code'],
        grant_types: ['authorization_code'],
        ...(redirects.backchannel && { backchannel_logout_uri: redirects.backchannel, backchannel_logout_session_required: true }),
      },
    ],
    pkce: { required: () => true, methods: ['S256'] },
    claims: { openid: ['sub'], profile: ['preferred_username', 'name', 'groups', 'areas', 'department'] },
    features: {
      devInteractions: { enabled: true },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: { enabled: true },
    },
    findAccount: (ctx, id) =>
      people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id] }) },
    cookies: { keys: ['of this test alone'] },
  })
  provider.on('server_error', (ctx, error) => console.error('provider:', error))
  provider.on('backchannel.error', (ctx, error) => console.error('provider, backchannel:', error.message))
  server.on('request', provider.callback())
  return { issuer, provider, close: () => new Promise((resolve) => server.close(resolve)) }
}

/** Follows redirects and fills the provider's login and consent forms, until `until` accepts an address. */
export async function walk(browser, url, login, until) {
  for (let step = 0; step < 20; step++) {
    if (until(url)) return url
    let answer = await browser.go(url)
    if (answer.status === 200) {
      const html = await answer.text()
      const action = /<form[^>]*action="([^"]+)"/.exec(html)?.[1]
      const prompt = /name="prompt" value="(\w+)"/.exec(html)?.[1]
      if (!action) throw new Error(`no form at ${url}: ${html.slice(0, 500)}`)
      const form = new URLSearchParams(prompt === 'login' ? { prompt, login, password: 'any' } : { prompt: prompt ?? '' })
      answer = await browser.go(new URL(action, url).href, { method: 'POST', body: form })
    }
    const next = answer.headers.get('location')
    if (!next) throw new Error(`${answer.status} at ${url}: ${(await answer.text()).slice(0, 500)}`)
    url = new URL(next, url).href
  }
  throw new Error(`too many steps, at ${url}`)
}
