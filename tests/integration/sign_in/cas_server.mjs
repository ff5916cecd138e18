// A real CAS server: Debian's python3-django-cas-server over a database of its own, on a free loopback port.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Browser, freePort } from './platform.mjs'

export const WORD = 'Cas-bottle-1'
const PYTHON = '/usr/bin/python3'

const settings = (dir, services) => `
SECRET_KEY = 'of a test alone'
DEBUG = True
ALLOWED_HOSTS = ['127.0.0.1']
ROOT_URLCONF = 'urls'
DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ${JSON.stringify(join(dir, 'cas.db'))}}}
INSTALLED_APPS = ['django.contrib.auth', 'django.contrib.contenttypes', 'django.contrib.sessions', 'django.contrib.messages',
                  'django.contrib.staticfiles', 'cas_server']
MIDDLEWARE = ['django.contrib.sessions.middleware.SessionMiddleware', 'django.middleware.common.CommonMiddleware',
              'django.middleware.csrf.CsrfViewMiddleware', 'django.contrib.auth.middleware.AuthenticationMiddleware',
              'django.contrib.messages.middleware.MessageMiddleware', 'django.middleware.locale.LocaleMiddleware']
TEMPLATES = [{'BACKEND': 'django.template.backends.django.DjangoTemplates', 'APP_DIRS': True, 'OPTIONS': {'context_processors': [
    'django.template.context_processors.request', 'django.contrib.auth.context_processors.auth',
    'django.contrib.messages.context_processors.messages']}}]
STATIC_URL = '/static/'
USE_TZ = True
CAS_AUTH_CLASS = 'people.Auth'
CAS_NEW_VERSION_HTML_WARNING = False
CAS_NEW_VERSION_EMAIL_WARNING = False
CAS_ENABLE_AJAX_AUTH = False
CAS_SHOW_POWERED = False
SERVICES = ${JSON.stringify(services)}
`

const people = (who) => `
import json
from cas_server.auth import AuthUser
PEOPLE = json.loads(${JSON.stringify(JSON.stringify(who))})

class Auth(AuthUser):
    def test_password(self, password):
        return self.username in PEOPLE and password == ${JSON.stringify(WORD)}

    def attributs(self):
        return PEOPLE.get(self.username, {})
`

const setup = `
import django
django.setup()
from django.conf import settings
from django.core.management import call_command
call_command('migrate', verbosity=0)
from cas_server.models import ReplaceAttributName, ServicePattern
for i, pattern in enumerate(settings.SERVICES):
    service = ServicePattern.objects.create(pos=i + 1, name='s%d' % i, pattern='^' + pattern, single_log_out=True)
    for name in ('name', 'department', 'groups', 'area_codes'):
        ReplaceAttributName.objects.create(name=name, service_pattern=service)
`

/** `who`: attributes by user name; `services`: addresses that tickets are given for. */
export async function startCas(who, services) {
  const dir = mkdtempSync(join(tmpdir(), 'cas-'))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}/cas`
  writeFileSync(join(dir, 'settings.py'), settings(dir, services))
  writeFileSync(join(dir, 'people.py'), people(who))
  writeFileSync(join(dir, 'urls.py'), "from django.urls import include, re_path\nurlpatterns = [re_path(r'^cas/', include('cas_server.urls', namespace='cas_server'))]\n")
  writeFileSync(join(dir, 'setup.py'), setup)
  const env = { PATH: process.env.PATH, PYTHONPATH: dir, DJANGO_SETTINGS_MODULE: 'settings', PYTHONDONTWRITEBYTECODE: '1' }
  execFileSync(PYTHON, [join(dir, 'setup.py')], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const server = spawn(PYTHON, ['-m', 'django', 'runserver', '--noreload', '--insecure', `127.0.0.1:${port}`], { env, stdio: 'ignore' })
  const ended = new Promise((resolve) => server.once('exit', resolve))
  for (let i = 0; i < 300 && (await fetch(`${url}/login`).catch(() => null))?.status !== 200; i++) {
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return {
    url,
    async close() {
      server.kill()
      await ended
      rmSync(dir, { recursive: true })
    },
  }
}

/** What a person does there: fills the form in; then the address with the ticket, which is not yet gone to. */
export async function signInThere(browser, start, username, word = WORD) {
  let answer = await browser.go(start)
  let at = answer.headers.get('location') ?? start
  if (!/[?&]ticket=/.test(at)) {
    answer = await browser.go(at)
    if (answer.status === 302) return new URL(answer.headers.get('location'), at).href
    const form = await answer.text()
    const body = new URLSearchParams({ username, password: word, submit: 'Login' })
    for (const [, tag] of form.matchAll(/<input ([^>]*type="hidden"[^>]*)>/g)) {
      const name = /name="([^"]*)"/.exec(tag)?.[1]
      if (name) body.set(name, (/value="([^"]*)"/.exec(tag)?.[1] ?? '').replaceAll('&amp;', '&'))
    }
    answer = await browser.go(at, { method: 'POST', body, headers: { 'Content-Type': 'application/x-www-form-urlencoded', Referer: at } })
    const next = answer.headers.get('location')
    if (answer.status !== 302 || next === null) return null
    at = new URL(next, at).href
    if (!/[?&]ticket=/.test(at)) {
      answer = await browser.go(at)
      at = new URL(answer.headers.get('location') ?? at, at).href
    }
  }
  assert.match(at, /[?&]ticket=ST-/)
  return at
}

export { Browser }
