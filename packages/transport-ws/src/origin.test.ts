import { describe, expect, it } from 'vitest'
import { isOriginAllowed, normalOrigin, type OriginFacts } from './origin.js'

const HERE = '127.0.0.1'
const ELSEWHERE = '192.0.2.7'

/** Origin, Host, where the connection comes from, whether it has TLS, and whether the built-in rule lets it in. */
type Row = readonly [string | undefined, string | undefined, string | undefined, boolean, boolean]

const BUILT_IN: readonly Row[] = [
  // Not a browser.
  [undefined, 'service.example', ELSEWHERE, false, true],
  [undefined, undefined, undefined, false, true],
  // A page of this machine, to a connection from this machine.
  ['http://localhost', 'localhost:7000', HERE, false, true],
  ['http://localhost:5173', '127.0.0.1:7000', HERE, false, true],
  ['http://LOCALHOST:5173', '127.0.0.1:7000', HERE, false, true],
  ['https://app.localhost', '127.0.0.1:7000', '127.9.9.9', false, true],
  ['http://127.0.0.1:3000', 'localhost:7000', '::1', false, true],
  ['http://127.1:3000', 'localhost:7000', '::1', false, true],
  ['http://[::1]:3000', '[::1]:7000', '::ffff:127.0.0.1', false, true],
  // The same page, but the connection does not come from this machine, or from nobody knows where.
  ['http://localhost:5173', '192.0.2.1:7000', ELSEWHERE, false, false],
  ['http://localhost:5173', '192.0.2.1:7000', '::ffff:192.0.2.7', false, false],
  ['http://localhost:5173', 'x', undefined, false, false],
  // Names that only look like this machine.
  ['http://localhost.evil.example', '127.0.0.1:7000', HERE, false, false],
  ['http://notlocalhost', '127.0.0.1:7000', HERE, false, false],
  ['http://127.0.0.1.evil.example', '127.0.0.1:7000', HERE, false, false],
  ['http://127.evil.example', '127.0.0.1:7000', HERE, false, false],
  ['http://127.0.0.1e1', '127.0.0.1:7000', HERE, false, false],
  ['http://127.0.0.0b1', '127.0.0.0b1:7000', HERE, false, false],
  ['http://1.2.3.4e1:7000', '1.2.3.4e1:7000', ELSEWHERE, false, false],
  ['http://localhost@evil.example', '127.0.0.1:7000', HERE, false, false],
  ['http://user@localhost', '127.0.0.1:7000', HERE, false, false],
  ['chrome-extension://localhost', '127.0.0.1:7000', HERE, false, false],
  // A page from the very address.
  ['http://192.0.2.1:7000', '192.0.2.1:7000', ELSEWHERE, false, true],
  ['http://192.0.2.1', '192.0.2.1', ELSEWHERE, false, true],
  ['http://192.0.2.1', '192.0.2.1:80', ELSEWHERE, false, true],
  ['https://192.0.2.1', '192.0.2.1:443', ELSEWHERE, true, true],
  ['https://[2001:db8::1]:8443', '[2001:db8:0::1]:8443', ELSEWHERE, true, true],
  // Another port or another address of the same kind, and names, which may point elsewhere by now.
  ['http://192.0.2.1:7001', '192.0.2.1:7000', ELSEWHERE, false, false],
  ['http://192.0.2.1', '192.0.2.1', ELSEWHERE, true, false],
  ['http://192.0.2.2:7000', '192.0.2.1:7000', ELSEWHERE, false, false],
  ['http://service.example', 'service.example', ELSEWHERE, false, false],
  ['http://service.example:7000', 'service.example:7000', HERE, false, false],
  ['http://192.0.2.1', undefined, ELSEWHERE, false, false],
  // Pages from elsewhere, pages without an origin, and nonsense.
  ['https://evil.example', '127.0.0.1:7000', HERE, false, false],
  ['null', '127.0.0.1:7000', HERE, false, false],
  ['', '127.0.0.1:7000', HERE, false, false],
  ['localhost', '127.0.0.1:7000', HERE, false, false],
  ['http://', '127.0.0.1:7000', HERE, false, false],
  ['http://localhost, http://evil.example', '127.0.0.1:7000', HERE, false, false],
  ['http://localhost/path', '127.0.0.1:7000', HERE, false, false],
  ['file:///tmp/page.html', '127.0.0.1:7000', HERE, false, false],
]

describe('without a list [WST-012]', () => {
  it.each(BUILT_IN)(
    'Origin %s at %s from %s, TLS %s: %s',
    (origin, host, remoteAddress, isSecure, verdict) => {
      const facts: OriginFacts = { origin, host, remoteAddress, isSecure }
      expect(isOriginAllowed(facts, undefined)).toBe(verdict)
    },
  )
})

const listed = (...origins: string[]): ReadonlySet<string> =>
  new Set(origins.map((each) => normalOrigin(each) ?? each))

describe('with a list', () => {
  it.each<readonly [string | undefined, ReadonlySet<string> | '*', boolean]>([
    ['https://app.example', listed('https://app.example'), true],
    ['https://APP.example:443', listed('https://app.example'), true],
    ['https://app.example', listed('https://App.Example:443/'), true],
    ['http://app.example', listed('https://app.example'), false],
    ['https://app.example:8443', listed('https://app.example'), false],
    ['https://app.example.evil.example', listed('https://app.example'), false],
    ['https://evil.example/https://app.example', listed('https://app.example'), false],
    ['https://sub.app.example', listed('https://app.example'), false],
    ['capacitor://localhost', listed('capacitor://localhost'), true],
    // A list replaces the rule for this machine.
    ['http://localhost:5173', listed('https://app.example'), false],
    ['null', listed('https://app.example'), false],
    ['null', listed('null'), true],
    [undefined, listed(), true],
    ['anything at all', '*', true],
    ['null', '*', true],
  ])('Origin %s, list %o: %s', (origin, allowed, verdict) => {
    const facts: OriginFacts = { origin, host: '127.0.0.1', remoteAddress: HERE, isSecure: false }
    expect(isOriginAllowed(facts, allowed)).toBe(verdict)
  })
})
