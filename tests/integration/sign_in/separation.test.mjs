// Three administrators (三员分立): each does his own and is refused what the others may.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { PASSWORD, Platform } from './platform.mjs'

const roles = { system: 'system-admin', security: 'access-admin', audit: 'auditor' }

describe('system, security and audit administrator', () => {
  let platform
  const tokens = {}

  async function ask(who, method, path, json) {
    const answer = await fetch(platform.url + path, {
      method,
      headers: { Authorization: `Bearer ${tokens[who]}`, 'Content-Type': 'application/json' },
      body: json === undefined ? undefined : JSON.stringify(json),
    })
    return { status: answer.status, text: await answer.text() }
  }
  async function token(username) {
    const answer = await fetch(`${platform.url}/auth/token`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ username, password: PASSWORD }),
    })
    assert.equal(answer.status, 200)
    return (await answer.json()).access_token
  }

  before(async () => {
    platform = new Platform()
    platform.run('plugin', 'enable', 'lpg')
    for (const [name, role] of Object.entries(roles)) platform.addUser(name, role)
    platform.addUser('everything', 'system-admin,access-admin,auditor')
    platform.addUser('whole', 'platform-admin')
    await platform.serve('--admin.separate=true')
    for (const name of [...Object.keys(roles), 'everything', 'whole']) tokens[name] = await token(name)
  })
  after(() => platform.close())

  const grant = (holder, name) => ({ holder_kind: 'user', holder, kind: 'role', name, areas: ['*'], why: '试' })
  /** Who may, and what it answers then. */
  const table = [
    ['GET', '/admin/api/plugins', undefined, 'system', 200],
    ['POST', '/admin/api/plugins/none/enable', {}, 'system', 404],
    ['GET', '/metrics', undefined, 'system', 200],
    ['GET', '/admin/api/bindings', undefined, 'system', 200],
    ['GET', '/admin/api/users', undefined, 'security', 200],
    ['GET', '/admin/api/sessions', undefined, 'security', 200],
    ['GET', '/admin/api/roles', undefined, 'security', 200],
    ['GET', '/admin/api/orgs', undefined, 'security', 200],
    ['GET', '/admin/api/grants', undefined, 'security', 200],
    ['POST', '/admin/api/grants', grant('whole', 'regulator'), 'security', 201],
    ['POST', '/admin/api/users', { username: 'new.one', display_name: '新', password: PASSWORD }, 'security', 201],
    ['GET', '/admin/api/audit', undefined, 'audit', 200],
  ]
  for (const [method, path, json, who, status] of table) {
    it(`${method} ${path} is for ${who} alone`, async () => {
      for (const other of [...Object.keys(roles).filter((name) => name !== who), 'everything', 'whole']) {
        const { status: refused, text } = await ask(other, method, path, json)
        assert.equal(refused, 403, `${other}: ${text}`)
      }
      const answer = await ask(who, method, path, json)
      assert.equal(answer.status, status, answer.text)
    })
  }

  it('none of them sees business data', async () => {
    for (const name of Object.keys(roles)) {
      const { text } = await ask(name, 'GET', '/collections?f=json')
      assert.deepEqual(JSON.parse(text).collections, [], name)
      assert.ok([403, 404].includes((await ask(name, 'GET', '/collections/lpg.stations/items')).status), name)
    }
  })

  it('nobody is given two of the three, nor what the giver has not got', async () => {
    for (const [role, param] of [['access-admin', 'separation'], ['system-admin', 'function']]) {
      const { status, text } = await ask('security', 'POST', '/admin/api/grants', grant('audit', role))
      assert.equal(status, 403)
      assert.equal(JSON.parse(text).param, param)
    }
  })
})
