// Owns: the list of who takes part, in which setup and in which workloads.
// Must not know: how a peer works (peers/).

const SMALL = ['sequential', 'c64', 'c256', 'c1000']
const LARGE = ['4k', '64k']
const AWAITS = ['await1', 'await4']
const STREAMS = ['stream', 'streams64']

/** @type {Readonly<Record<string, import('./interface.mjs').EntryOptions>>} */
const PEERPLEX = {
  object: { payload: 'object', scheme: 'tcp', delivery: 'callback' },
  bytes: { payload: 'bytes', scheme: 'tcp', delivery: 'callback' },
  iterator: { payload: 'object', scheme: 'tcp', delivery: 'iterator' },
  ws: { payload: 'object', scheme: 'ws', delivery: 'callback' },
  unix: { payload: 'object', scheme: 'unix', delivery: 'callback' },
}

const OBJECT = 'object, MessagePack'
const JSON_OBJECT = 'object, JSON'
const BYTES = 'opaque bytes'

/** @type {readonly import('./interface.mjs').Entry[]} */
export const ENTRIES = [
  {
    name: 'raw',
    file: 'raw',
    options: {},
    payload: BYTES,
    packages: [],
    workloads: [...SMALL, 'both', ...AWAITS, ...LARGE, ...STREAMS, 'bulk', 'idle'],
    inQuick: true,
  },
  {
    name: 'raw-early',
    file: 'raw',
    options: { flushAt: 1_024 },
    payload: BYTES,
    packages: [],
    workloads: [...SMALL, 'both', ...AWAITS],
    inQuick: true,
  },
  {
    name: 'raw-unix',
    file: 'raw',
    options: { unix: true },
    payload: BYTES,
    packages: [],
    workloads: [...SMALL, ...LARGE, ...STREAMS, 'bulk'],
  },
  {
    name: 'peerplex',
    file: 'peerplex',
    options: { ...PEERPLEX.object },
    payload: OBJECT,
    packages: [],
    workloads: [...SMALL, 'both', ...AWAITS, ...STREAMS, 'idle', 'pending', 'import'],
    inQuick: true,
  },
  {
    name: 'peerplex-bytes',
    file: 'peerplex',
    options: { ...PEERPLEX.bytes },
    payload: BYTES,
    packages: [],
    workloads: [
      ...SMALL,
      'both',
      ...AWAITS,
      ...LARGE,
      ...STREAMS,
      'bulk',
      'paused',
      'channels',
      'channels-warm',
    ],
    inQuick: true,
  },
  {
    name: 'peerplex-iterator',
    file: 'peerplex',
    options: { ...PEERPLEX.iterator },
    payload: OBJECT,
    packages: [],
    workloads: STREAMS,
    inQuick: true,
  },
  {
    name: 'peerplex-unix',
    file: 'peerplex',
    options: { ...PEERPLEX.unix },
    payload: OBJECT,
    packages: [],
    workloads: ['sequential', 'c64'],
  },
  {
    name: 'peerplex-ws',
    file: 'peerplex',
    options: { ...PEERPLEX.ws },
    payload: OBJECT,
    packages: [],
    workloads: ['ws64'],
    inQuick: true,
  },
  {
    name: 'ws',
    file: 'ws',
    options: {},
    payload: BYTES,
    packages: ['ws'],
    workloads: [...SMALL, 'both', ...AWAITS, ...LARGE, ...STREAMS, 'bulk', 'idle', 'import', 'ws64'],
    inQuick: true,
  },
  {
    name: 'grpc-js',
    file: 'grpc-js',
    options: {},
    payload: 'object, protobuf',
    packages: ['@grpc/grpc-js', '@grpc/proto-loader'],
    workloads: [...SMALL, ...AWAITS, ...LARGE, ...STREAMS, 'bulk', 'paused', 'idle', 'channels', 'import'],
    inQuick: true,
  },
  {
    name: 'zeromq',
    file: 'zeromq',
    options: {},
    payload: BYTES,
    packages: ['zeromq'],
    workloads: [...SMALL, ...AWAITS, ...LARGE, 'stream', 'bulk', 'idle', 'import'],
  },
  {
    name: 'rsocket',
    file: 'rsocket',
    options: {},
    payload: BYTES,
    packages: ['rsocket-core', 'rsocket-tcp-client', 'rsocket-tcp-server'],
    workloads: [
      ...SMALL,
      'both',
      ...AWAITS,
      ...LARGE,
      ...STREAMS,
      'bulk',
      'idle',
      'channels',
      'channels-warm',
      'import',
    ],
  },
  {
    name: 'vscode-jsonrpc',
    file: 'vscode-jsonrpc',
    options: {},
    payload: JSON_OBJECT,
    packages: ['vscode-jsonrpc'],
    imports: ['vscode-jsonrpc/node'],
    workloads: [...SMALL, 'both', ...AWAITS, 'idle', 'import'],
  },
  {
    name: 'capnweb',
    file: 'capnweb',
    options: {},
    payload: JSON_OBJECT,
    packages: ['capnweb', 'ws'],
    workloads: [...SMALL, ...AWAITS, 'idle', 'import'],
  },
  {
    name: 'http2',
    file: 'http2',
    options: {},
    payload: `${JSON_OBJECT}; bytes when large`,
    packages: [],
    workloads: [...SMALL, ...AWAITS, ...LARGE, 'idle', 'channels'],
  },
  {
    name: 'moleculer',
    file: 'moleculer',
    options: {},
    payload: JSON_OBJECT,
    packages: ['moleculer'],
    workloads: [...SMALL, ...AWAITS, 'import'],
  },
  {
    name: 'cote',
    file: 'cote',
    options: {},
    payload: JSON_OBJECT,
    packages: ['cote'],
    workloads: [...SMALL, ...AWAITS, 'import'],
  },
  {
    name: 'nats',
    file: 'nats',
    options: {},
    payload: `${JSON_OBJECT}; bytes when large`,
    packages: ['@nats-io/transport-node'],
    program: 'nats-server',
    workloads: [...SMALL, ...AWAITS, ...LARGE, ...STREAMS, 'bulk', 'import'],
  },
  // Only to start from: what importing nothing takes.
  { name: 'node', file: 'none', options: {}, payload: '', packages: [], workloads: ['import'] },
]
