// A cim-host with an empty store in a folder of its own, and a browser's cookies.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const PASSWORD = 'Test-only-1!'
const binary = process.env.SIGN_IN_HOST ?? ''
assert.ok(binary, 'SIGN_IN_HOST names the host; see tests/integration/sign_in/run')
const START_MS = 120_000

const AREAS = `code,name,level,parent,aliases
46,海南省,province,,460000
4601,海口市,city,46,
460105,秀英区,county,4601,
`

/** A port that was free a moment ago: the provider must know the platform's address, and the platform its. */
export async function freePort() {
  const server = createServer()
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

// Every CIM_… is a setting; those of the suite around are not this platform's.
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith('CIM_') || ['CIM_CONSOLE_DIR', 'CIM_PLUGINS_DIRS'].includes(name)),
)

export class Platform {
  /** One process instead of a supervisor and its worker. */
  alone = ['--no-supervisor']

  constructor() {
    this.var = mkdtempSync(join(tmpdir(), 'sign-in-'))
    this.log = join(this.var, 'host.log')
    this.run('migrate')
    this.run('areas', 'import', this.file('areas.csv', AREAS))
  }

  file(name, text) {
    const path = join(this.var, name)
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }

  run(...words) {
    return execFileSync(binary, [...words, '--var', this.var], { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'pipe'] })
  }

  addUser(name, roles, ...more) {
    this.run('user', 'add', name, `--roles=${roles}`, '--areas=*', `--password-file=${this.file('password', PASSWORD)}`, ...more)
  }

  async serve(...settings) {
    const log = openSync(this.log, 'a')
    this.process = spawn(binary, ['serve', '--http.port=0', '--var', this.var, ...this.alone, ...settings], {
      env,
      stdio: ['ignore', 'pipe', log],
    })
    this.ended = new Promise((resolve) => this.process.once('exit', resolve))
    let told = ''
    const address = new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('the host did not start')), START_MS)
      this.process.stdout.on('data', (bytes) => {
        told += bytes
        const found = /http:\/\/127\.0\.0\.1:\d+/.exec(told)
        if (found) {
          clearTimeout(late)
          resolve(found[0])
        }
      })
      this.process.once('exit', () => reject(new Error(readFileSync(this.log, 'utf8'))))
    })
    this.url = await address
    for (;;) {
      const answer = await fetch(`${this.url}/ready`).catch(() => null)
      if (answer?.status === 200) return
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  async stop() {
    this.process.kill('SIGTERM')
    const code = await this.ended
    assert.equal(code, 0, readFileSync(this.log, 'utf8').split('\n').slice(-30).join('\n'))
  }

  async close() {
    if (this.process) await this.stop()
    rmSync(this.var, { recursive: true })
  }

  /** Waits for `n` more refusals of this reason than `before`: entries are chained within a second. */
  async refusals(action, reason, n = 0) {
    const count = () => this.run('audit', 'list', `--action=${action}`, '--limit=500').split(`"reason":"${reason}"`).length - 1
    for (let i = 0; i < 100 && count() < n; i++) await new Promise((resolve) => setTimeout(resolve, 100))
    return count()
  }

  async audited(action, pattern) {
    let text = ''
    for (let i = 0; i < 100 && !pattern.test(text); i++) {
      text = this.run('audit', 'list', `--action=${action}`, '--limit=500')
      if (!pattern.test(text)) await new Promise((resolve) => setTimeout(resolve, 100))
    }
    assert.match(text, pattern)
  }
}

/** Each Set-Cookie line. Debian's Node 18 has no getSetCookie() and joins them by commas, which dates have as well. */
function setCookies(headers) {
  if (headers.getSetCookie) return headers.getSetCookie()
  const joined = headers.get('set-cookie')
  return joined ? joined.split(/,\s*(?=[^;,=\s]+=)/) : []
}

/** Keeps cookies per origin, sends them as a browser would, follows nothing by itself. */
export class Browser {
  jars = new Map()

  async go(url, options = {}) {
    const { origin, pathname } = new URL(url)
    const jar = this.jars.get(origin) ?? new Map()
    this.jars.set(origin, jar)
    const cookies = [...jar.values()].filter((c) => pathname.startsWith(c.path)).map((c) => `${c.name}=${c.value}`)
    const headers = { ...(cookies.length ? { Cookie: cookies.join('; ') } : {}), ...options.headers }
    const answer = await fetch(url, { redirect: 'manual', ...options, headers })
    for (const line of setCookies(answer.headers)) {
      const [pair, ...attributes] = line.split(/;\s*/)
      const at = pair.indexOf('=')
      const name = pair.slice(0, at)
      const path = attributes.find((a) => a.toLowerCase().startsWith('path='))?.slice(5) ?? '/'
      const gone = attributes.some((a) => a.toLowerCase() === 'max-age=0') || pair.slice(at + 1) === ''
      if (gone) jar.delete(name)
      else jar.set(name, { name, value: pair.slice(at + 1), path, line })
    }
    return answer
  }

  cookie(url, name) {
    return this.jars.get(new URL(url).origin)?.get(name)
  }
}
