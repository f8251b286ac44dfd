// Who dialled does not matter: here the listener calls the dialer. Shows: handlers on both sides, `ctx.remote`, the `connect` event.
import { createPeer } from 'peerplex'

const office = createPeer({ id: 'office' }) // listens
const worker = createPeer({ id: 'worker-7' }) // dials, and is called

try {
  worker.handle('work.square', (/** @type {number} */ n) => n * n)
  worker.handle('work.skills', () => ['square'])

  // A handler can ask back while the asker still waits: `ctx.remote` is whoever called.
  office.handle('register', async (_input, ctx) => {
    const skills = await ctx.remote.call('work.skills')
    console.log(`office: ${ctx.remote.id} can do`, skills)
    return `welcome, ${ctx.remote.id}`
  })

  // Or it can take the first step itself, as soon as somebody is there.
  const answered = new Promise((resolve, reject) => {
    office.on('connect', ({ remote }) => {
      console.log(`office: ${remote.id} is connected`)
      remote.call('work.square', 12).then(resolve, reject)
    })
  })

  const listener = await office.bind('tcp://127.0.0.1:0')
  worker.connect(listener.url)

  console.log('office: 12 squared is', await answered)
  console.log('worker:', await worker.call('register'))

  // By id, for the case that there are many of them.
  console.log('office: 5 squared is', await office.call('work.square', 5, { to: 'worker-7' }))
  console.log(
    'office knows',
    office
      .peers()
      .map((remote) => `${remote.id} (${remote.state})`)
      .join(', '),
  )
} finally {
  await worker.close()
  await office.close()
}
