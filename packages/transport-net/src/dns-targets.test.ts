import { getEventListeners } from 'node:events'
import { VirtualClock } from '@peerplex/testkit'
import { TransportError, UsageError } from '@peerplex/wire'
import type { TargetResolver } from '@peerplex/wire/transport'
import { describe, expect, it } from 'vitest'
import type { DnsTargetsOptions, NameAddress, NameService } from './dns-options.js'
import { dnsTargets } from './dns-targets.js'

const NEVER = new AbortController().signal

function ask(targets: TargetResolver, signal: AbortSignal = NEVER): Promise<readonly string[]> {
  return targets('billing.add', { signal }) as Promise<readonly string[]>
}

function addresses(...list: string[]): NameAddress[] {
  return list.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
}

function service(name: string, port: number, priority = 0, weight = 0): NameService {
  return { name, port, priority, weight }
}

function systemError(code: string, syscall = 'querySrv'): Error {
  return Object.assign(new Error(`${syscall} ${code} x`), { code, syscall })
}

/** Everything that a microtask or a turn of the event loop can bring. */
async function settled(): Promise<void> {
  for (let count = 0; count < 3; count++) await new Promise((resolve) => setImmediate(resolve))
}

/** A name service that says what the test has put there last. */
class FakeNames {
  readonly clock = new VirtualClock()
  readonly questions: unknown[] = []
  answer: () => Promise<any>

  constructor(answer: unknown) {
    this.answer = async () => answer
  }

  readonly resolver = {
    lookup: (host: string, options: unknown): Promise<NameAddress[]> => {
      this.questions.push([host, options])
      return this.answer()
    },
    resolveSrv: (host: string): Promise<NameService[]> => {
      this.questions.push([host])
      return this.answer()
    },
  }

  says(answer: unknown): void {
    this.answer = async () => answer
  }

  fails(error: Error): void {
    this.answer = () => Promise.reject(error)
  }

  isSilent(): void {
    this.answer = () => new Promise(() => {})
  }

  targets(more: Partial<DnsTargetsOptions> = {}): TargetResolver {
    const { resolver, clock } = this
    const port = more.type === 'srv' ? {} : { port: 7000 }
    return dnsTargets({ host: 'billing.internal', ...port, resolver, clock, ...more })
  }

  /** Lets `ms` pass and everything happen that follows from it. */
  async pass(ms: number): Promise<void> {
    this.clock.advance(ms)
    await settled()
  }
}

describe('addresses of a host', () => {
  it('become URLs, IPv6 in brackets, each once', async () => {
    const names = new FakeNames(addresses('10.0.0.1', '2001:db8::1', 'fe80::1%eth0', '10.0.0.1'))
    expect(await ask(names.targets())).toEqual([
      'tcp://10.0.0.1:7000',
      'tcp://[2001:db8::1]:7000',
      'tcp://[fe80::1%eth0]:7000',
    ])
    expect(names.questions).toEqual([['billing.internal', { all: true, family: 0 }]])
  })

  it('have the scheme, path and family that were asked for', async () => {
    const names = new FakeNames(addresses('2001:db8::1'))
    const targets = names.targets({ scheme: 'wss', path: '/peer', family: 6, port: 443 })
    expect(await ask(targets)).toEqual(['wss://[2001:db8::1]:443/peer'])
    expect(names.questions).toEqual([['billing.internal', { all: true, family: 6 }]])
  })

  it('may be none', async () => {
    expect(await ask(new FakeNames([]).targets())).toEqual([])
  })

  it('come from the system: localhost', async () => {
    const urls = await ask(dnsTargets({ host: 'localhost', port: 7000 }))
    expect(urls.length).toBeGreaterThan(0)
    expect(['tcp://127.0.0.1:7000', 'tcp://[::1]:7000']).toEqual(expect.arrayContaining([...urls]))
  })

  it('may be an address already', async () => {
    expect(await ask(dnsTargets({ host: '::1', port: 7000 }))).toEqual(['tcp://[::1]:7000'])
  })
})

describe('SRV records', () => {
  const RECORDS = [
    service('c.internal', 7003, 20),
    service('a.internal.', 7001, 10, 1),
    service('b.internal', 7002, 10, 5),
  ]

  it('of the lowest priority become URLs, the largest weight first', async () => {
    const targets = new FakeNames(RECORDS).targets({ type: 'srv' })
    expect(await ask(targets)).toEqual(['tcp://b.internal:7002', 'tcp://a.internal:7001'])
  })

  it('of all priorities, when asked for', async () => {
    const targets = new FakeNames(RECORDS).targets({
      type: 'srv',
      priorities: 'all',
      scheme: 'ws',
      path: '/p',
    })
    expect(await ask(targets)).toEqual([
      'ws://b.internal:7002/p',
      'ws://a.internal:7001/p',
      'ws://c.internal:7003/p',
    ])
  })

  it('can say that the service is not there', async () => {
    expect(await ask(new FakeNames([service('.', 0)]).targets({ type: 'srv' }))).toEqual([])
    expect(await ask(new FakeNames([service('', 0)]).targets({ type: 'srv' }))).toEqual([])
  })
})

describe('an error', () => {
  it.each([
    ['address', systemError('ENOTFOUND', 'getaddrinfo'), 'addresses of', 'no such name, or it has no such'],
    ['address', systemError('EAI_AGAIN', 'getaddrinfo'), 'addresses of', 'does not answer (EAI_AGAIN)'],
    ['srv', systemError('ENOTFOUND'), 'SRV records of', 'there is no such name (ENOTFOUND)'],
    ['srv', systemError('ENODATA'), 'SRV records of', 'the name exists and has no such record (ENODATA)'],
    ['srv', systemError('ETIMEOUT'), 'SRV records of', 'no answer in time (ETIMEOUT)'],
    ['srv', systemError('ESERVFAIL'), 'SRV records of', 'the name server failed (ESERVFAIL)'],
    ['srv', new Error('boom'), 'SRV records of', 'boom'],
  ] as const)('of type %s says what was asked and answered: %s', async (type, cause, asked, answered) => {
    const names = new FakeNames([])
    names.fails(cause)
    const error = await ask(names.targets({ type })).catch((thrown) => thrown)
    expect(error).toBeInstanceOf(TransportError)
    expect(error).toMatchObject({ code: 'UNAVAILABLE', retryable: true, cause })
    expect(error.message).toContain(`look up ${asked} billing.internal: `)
    expect(error.message).toContain(answered)
    expect(error.hint).not.toBe('')
  })

  it('of the system is told the same way', async () => {
    const error = await ask(dnsTargets({ host: 'nobody.invalid', port: 1 })).catch((thrown) => thrown)
    expect(error).toBeInstanceOf(TransportError)
    expect(error.message).toMatch(/^look up addresses of nobody\.invalid: .*\((ENOTFOUND|EAI_AGAIN)\)$/)
  })

  it.each([
    [null],
    ['10.0.0.1'],
    [['10.0.0.1']],
    [[{ family: 4 }]],
    [addresses('10.0.0.1/evil')],
    [addresses('user@host')],
    [addresses('x'.repeat(300))],
  ])('comes of an answer that is none: %j', async (answer) => {
    const error = await ask(new FakeNames(answer).targets()).catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'UNAVAILABLE' })
    expect(error.message).toContain('the answer cannot be used (EBADRESP)')
  })

  it.each([[[service('a b', 1)]], [[service('a', 0)]], [[service('a', 65_536)]]])(
    'comes of a record that leads nowhere: %j',
    async (answer) => {
      await expect(ask(new FakeNames(answer).targets({ type: 'srv' }))).rejects.toThrow('(EBADRESP)')
    },
  )

  it('comes of more than 1,024 records', async () => {
    const many = Array.from({ length: 1_025 }, (_, index) => service(`h${index}`, 1))
    const error = await ask(new FakeNames(many).targets({ type: 'srv' })).catch((thrown) => thrown)
    expect(error.message).toContain('1025 records, and at most 1024 are allowed')
    expect(await ask(new FakeNames(many.slice(1)).targets({ type: 'srv' }))).toHaveLength(1_024)
  })
})

describe('waiting', () => {
  it('ends after timeoutMs', async () => {
    const names = new FakeNames([])
    names.isSilent()
    const asking = expect(ask(names.targets({ timeoutMs: 500 }))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: 'look up addresses of billing.internal: no answer in time (ETIMEOUT)',
    })
    await names.pass(499)
    expect(names.clock.pendingTimerCount).toBe(1)
    await names.pass(1)
    await asking
    expect(names.clock.pendingTimerCount).toBe(0)
  })

  it('ends when the signal is aborted, for that one alone', async () => {
    const names = new FakeNames([])
    let reply: (found: NameAddress[]) => void = () => {}
    names.answer = () =>
      new Promise((resolve) => {
        reply = resolve
      })
    const targets = names.targets()
    const abort = new AbortController()
    const [given, other] = [ask(targets, abort.signal), ask(targets)]
    abort.abort('enough')
    await expect(given).rejects.toMatchObject({ code: 'CANCELLED', cause: 'enough' })
    const late = ask(targets)
    reply(addresses('10.0.0.1'))
    expect(await Promise.all([other, late])).toEqual([['tcp://10.0.0.1:7000'], ['tcp://10.0.0.1:7000']])
    expect(names.questions).toHaveLength(1)
    expect(names.clock.pendingTimerCount).toBe(0)
  })

  it('does not begin with an aborted signal', async () => {
    const names = new FakeNames([])
    await expect(ask(names.targets(), AbortSignal.abort('no'))).rejects.toMatchObject({ code: 'CANCELLED' })
    expect(names.questions).toEqual([])
  })

  it('leaves nothing on the signal', async () => {
    const { signal } = new AbortController()
    await ask(new FakeNames(addresses('10.0.0.1')).targets(), signal)
    const failing = new FakeNames([])
    failing.fails(systemError('ENOTFOUND'))
    await expect(ask(failing.targets(), signal)).rejects.toThrow('ENOTFOUND')
    await settled()
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('begins anew once nobody waits for the first question', async () => {
    const names = new FakeNames([])
    let replyLate: (found: NameAddress[]) => void = () => {}
    names.answer = () =>
      new Promise((resolve) => {
        replyLate = resolve
      })
    const targets = names.targets()
    const abort = new AbortController()
    const given = ask(targets, abort.signal)
    abort.abort()
    await expect(given).rejects.toThrow('given up')
    names.says(addresses('10.0.0.1'))
    expect(await ask(targets)).toEqual(['tcp://10.0.0.1:7000'])
    replyLate(addresses('10.9.9.9'))
    await settled()
    expect(await ask(targets)).toEqual(['tcp://10.0.0.1:7000'])
  })

  it('is shared, and an answer counts for a moment', async () => {
    const names = new FakeNames(addresses('10.0.0.1'))
    const targets = names.targets()
    await Promise.all([ask(targets), ask(targets)])
    await ask(targets)
    expect(names.questions).toHaveLength(1)
    await names.pass(1_000)
    await ask(targets)
    expect(names.questions).toHaveLength(2)
  })
})

describe('watching', () => {
  it('tells of another set, and of nothing else', async () => {
    const names = new FakeNames(addresses('10.0.0.1', '10.0.0.2'))
    const targets = names.targets({ refreshMs: 5_000 })
    let changes = 0
    await ask(targets)
    const end = targets.watch?.(() => {
      changes += 1
    })
    names.says(addresses('10.0.0.2', '10.0.0.1'))
    await names.pass(5_000)
    expect([names.questions.length, changes]).toEqual([2, 0])

    names.says(addresses('10.0.0.2', '10.0.0.3'))
    await names.pass(4_999)
    expect([names.questions.length, changes]).toEqual([2, 0])
    await names.pass(1)
    expect([names.questions.length, changes]).toEqual([3, 1])
    expect(await ask(targets)).toEqual(['tcp://10.0.0.2:7000', 'tcp://10.0.0.3:7000'])

    end?.()
    names.says([])
    await names.pass(50_000)
    expect([names.questions.length, changes]).toEqual([3, 1])
    expect(names.clock.pendingTimerCount).toBe(0)
  })

  it('leaves what is known alone while the name service fails, and goes on', async () => {
    const names = new FakeNames(addresses('10.0.0.1'))
    const targets = names.targets()
    let changes = 0
    await ask(targets)
    const end = targets.watch?.(() => {
      changes += 1
    })
    names.fails(systemError('EAI_AGAIN'))
    await names.pass(30_000)
    names.isSilent()
    await names.pass(30_000)
    await names.pass(10_000)
    names.says(addresses('10.0.0.1'))
    await names.pass(30_000)
    expect([names.questions.length, changes]).toEqual([4, 0])
    names.says(addresses('10.0.0.9'))
    await names.pass(30_000)
    expect(changes).toBe(1)
    end?.()
  })

  it('tells of the first good answer after errors', async () => {
    const names = new FakeNames([])
    names.fails(systemError('ENOTFOUND'))
    const targets = names.targets()
    await expect(ask(targets)).rejects.toThrow('ENOTFOUND')
    let changes = 0
    const end = targets.watch?.(() => {
      changes += 1
    })
    names.says(addresses('10.0.0.1'))
    await names.pass(30_000)
    expect(changes).toBe(1)
    end?.()
  })

  it('tells everybody, but who has ended it', async () => {
    const names = new FakeNames(addresses('10.0.0.1'))
    const targets = names.targets()
    await ask(targets)
    const told: string[] = []
    const ends = ['a', 'b', 'c'].map((name) => targets.watch?.(() => told.push(name)))
    ends[1]?.()
    ends[1]?.()
    names.says(addresses('10.0.0.2'))
    await names.pass(30_000)
    expect(told).toEqual(['a', 'c'])
    for (const end of ends) end?.()
    expect(names.clock.pendingTimerCount).toBe(0)
  })

  it('that is ended by somebody who was told is not told any more', async () => {
    const names = new FakeNames(addresses('10.0.0.1'))
    const targets = names.targets()
    await ask(targets)
    const told: string[] = []
    let endOther = (): void => {}
    const end = targets.watch?.(() => {
      told.push('a')
      endOther()
    })
    endOther = targets.watch?.(() => told.push('b')) ?? endOther
    names.says(addresses('10.0.0.2'))
    await names.pass(30_000)
    expect(told).toEqual(['a'])
    end?.()
  })

  it('that ends gives up the question under way', async () => {
    const names = new FakeNames(addresses('10.0.0.1'))
    const targets = names.targets()
    await ask(targets)
    let changes = 0
    const end = targets.watch?.(() => {
      changes += 1
    })
    let reply: (found: NameAddress[]) => void = () => {}
    names.answer = () =>
      new Promise((resolve) => {
        reply = resolve
      })
    await names.pass(30_000)
    end?.()
    await settled()
    expect(names.clock.pendingTimerCount).toBe(0)
    reply(addresses('10.0.0.2'))
    await settled()
    expect([changes, names.clock.pendingTimerCount]).toEqual([0, 0])
  })
})

describe('options', () => {
  it.each([
    [undefined, 'the options are undefined'],
    [null, 'the options are null'],
    [{ port: 1 }, 'host is undefined'],
    [{ host: '', port: 1 }, "host is ''"],
    [{ host: 'a:1', port: 1 }, "host is 'a:1'"],
    [{ host: '[::1]', port: 1 }, "host is '[::1]'"],
    [{ host: 'tcp://a', port: 1 }, "host is 'tcp://a'"],
    [{ host: 'a b', port: 1 }, "host is 'a b'"],
    [{ host: 'x'.repeat(254), port: 1 }, 'host is '],
    [{ host: 'a' }, 'port is undefined'],
    [{ host: 'a', port: 0 }, 'port is 0'],
    [{ host: 'a', port: 65_536 }, 'port is 65536'],
    [{ host: 'a', port: '1' }, 'port is string'],
    [{ host: 'a', port: 1, Port: 2 }, "there is no option 'Port'"],
    [{ host: 'a', port: 1, refreshMS: 2 }, "there is no option 'refreshMS'"],
    [{ host: 'a', port: 1, scheme: 'http' }, "scheme is 'http'"],
    [{ host: 'a', port: 1, scheme: 'unix' }, "scheme is 'unix'"],
    [{ host: 'a', port: 1, type: 'SRV' }, "type is 'SRV'"],
    [{ host: 'a', port: 1, family: 5 }, 'family is 5'],
    [{ host: 'a', port: 1, path: '/p' }, 'path with scheme tcp'],
    [{ host: 'a', port: 1, scheme: 'ws', path: 'p' }, "path is 'p'"],
    [{ host: 'a', port: 1, scheme: 'ws', path: '/p?q' }, "path is '/p?q'"],
    [{ host: 'a', port: 1, priorities: 'all' }, "priorities with type 'address'"],
    [{ host: 'a', type: 'srv', port: 1 }, "port with type 'srv'"],
    [{ host: 'a', type: 'srv', family: 4 }, "family with type 'srv'"],
    [{ host: 'a', type: 'srv', priorities: 'some' }, "priorities is 'some'"],
    [{ host: 'a', port: 1, refreshMs: 999 }, 'refreshMs is 999'],
    [{ host: 'a', port: 1, refreshMs: Number.NaN }, 'refreshMs is NaN'],
    [{ host: 'a', port: 1, timeoutMs: 0 }, 'timeoutMs is 0'],
    [{ host: 'a', port: 1, clock: Date }, 'clock.setTimer is undefined'],
    [{ host: 'a', port: 1, clock: null }, 'clock is null'],
    [{ host: 'a', port: 1, resolver: null }, 'resolver is null'],
    [{ host: 'a', port: 1, resolver: { lookup: 1 } }, 'resolver.lookup is 1'],
  ])('are checked at once: %o', (options, message) => {
    const make = (): unknown => dnsTargets(options as any)
    expect(make).toThrow(UsageError)
    expect(make).toThrow(message)
    try {
      make()
    } catch (error) {
      expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', hint: expect.stringMatching(/\w/) })
    }
  })
})
