// Tokens of programs: made by who administers the account, shown once, scoped by its grants, ended at will.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { PASSWORD, Platform } from './platform.mjs'

describe('tokens of programs', () => {
  let platform, admin, made
  const day = (days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)

  async function ask(token, method, path, json) {
    const answer = await fetch(platform.url + path, {
      method,
      headers: { ...(token && { Authorization: `Bearer ${token}` }), 'Content-Type': 'application/json' },
      body: json === undefined ? undefined : JSON.stringify(json),
    })
    const text = await answer.text()
    return { status: answer.status, text, json: text ? JSON.parse(text) : null }
  }

  before(async () => {
    platform = new Platform()
    platform.addUser('admin', 'platform-admin')
    await platform.serve()
    admin = (await ask(null, 'POST', '/auth/token', { username: 'admin', password: PASSWORD })).json.access_token
    const user = { username: 'gateway', display_name: '探测器网关', kind: 'service', roles: ['system-admin'], areas: ['4601'] }
    const created = await ask(admin, 'POST', '/admin/api/users', user)
    assert.equal(created.status, 201, created.text)
    assert.equal(created.json.kind, 'service')
  })
  after(() => platform.close())

  it('act as the account, with what is granted to it and no more', async () => {
    made = await ask(admin, 'POST', '/admin/api/users/gateway/tokens', { name: '一号网关', until: day(30) })
    assert.equal(made.status, 201, made.text)
    const who = await ask(made.json.token, 'GET', '/auth/me')
    assert.deepEqual([who.json.username, who.json.roles, who.json.areas], ['gateway', ['system-admin'], ['4601']])
    assert.equal((await ask(made.json.token, 'GET', '/admin/api/users')).status, 403)
  })

  it('are kept as a hash and told of by name', async () => {
    const { json, text } = await ask(admin, 'GET', '/admin/api/sessions?q=gateway')
    assert.equal(json.matched, 1)
    assert.deepEqual([json.sessions[0].id, json.sessions[0].kind, json.sessions[0].agent], [made.json.id, 'token', '一号网关'])
    assert.ok(!text.includes(made.json.token))
    for (const file of ['platform.db', 'platform.db-wal', 'cim.gpkg', 'cim.gpkg-wal', 'host.log']) {
      assert.ok(!readFileSync(join(platform.var, file)).includes(made.json.token), file)
    }
    await platform.audited('token.create', /gateway/)
  })

  it('are refused without an end, with one too far, for people, and to a password', async () => {
    for (const [body, param] of [[{ name: 'x' }, 'until'], [{ name: 'x', until: day(500) }, 'until'], [{ name: 'x', until: day(-1) }, 'until'],
      [{ until: day(1) }, 'name'], [{ name: 'x'.repeat(180), until: day(1) }, 'name'], [{ name: 'x', until: day(1), scope: '*' }, 'scope']]) {
      const answer = await ask(admin, 'POST', '/admin/api/users/gateway/tokens', body)
      assert.equal(answer.status, 400, JSON.stringify(body))
      assert.equal(answer.json.param, param)
    }
    assert.equal((await ask(admin, 'POST', '/admin/api/users/nobody/tokens', { name: 'x', until: day(1) })).status, 404)
    await ask(admin, 'POST', '/admin/api/users', { username: 'li.si', display_name: '李四', password: PASSWORD })
    assert.equal((await ask(admin, 'POST', '/admin/api/users/li.si/tokens', { name: 'x', until: day(1) })).status, 409)
    assert.equal((await ask(admin, 'POST', '/admin/api/users/gateway/password', { password: 'Other-bottle-2' })).status, 409)
    for (const password of ['!', 'x', PASSWORD]) {
      assert.equal((await ask(null, 'POST', '/auth/token', { username: 'gateway', password })).status, 401)
    }
    const both = await ask(admin, 'POST', '/admin/api/users', { username: 'x.y', display_name: 'x', kind: 'service', password: PASSWORD })
    assert.equal(both.status, 400)
    assert.equal((await ask(admin, 'POST', '/admin/api/users', { username: 'x.y', display_name: 'x', kind: 'robot' })).json.param, 'kind')
  })

  it('outlive a restart, and end when they are ended', async () => {
    await platform.stop()
    await platform.serve()
    assert.equal((await ask(made.json.token, 'GET', '/auth/me')).status, 200)
    assert.equal((await ask(admin, 'DELETE', `/admin/api/users/gateway/sessions/${made.json.id}`)).status, 204)
    assert.equal((await ask(made.json.token, 'GET', '/auth/me')).status, 401)
    assert.equal((await ask(admin, 'DELETE', `/admin/api/users/gateway/sessions/${made.json.id}`)).status, 404)
  })

  it('end with their account', async () => {
    const { json } = await ask(admin, 'POST', '/admin/api/users/gateway/tokens', { name: '二号', until: day(1) })
    assert.equal((await ask(json.token, 'GET', '/auth/me')).status, 200)
    assert.equal((await ask(admin, 'POST', '/admin/api/users/gateway/end', { why: '拆除' })).status, 200)
    assert.equal((await ask(json.token, 'GET', '/auth/me')).status, 401)
    assert.equal((await ask(admin, 'POST', '/admin/api/users/gateway/tokens', { name: '三号', until: day(1) })).status, 409)
  })
})
