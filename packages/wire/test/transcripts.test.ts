// Every transcript of spec/vectors/transcripts against a session, however its bytes arrive.
import { describe, expect, it } from 'vitest'
import { loadTranscripts } from './transcript-files.js'
import { deliveriesOf, playTranscript } from './transcript-runner.js'

const transcripts = loadTranscripts()

it('finds the transcripts', () => {
  expect(transcripts.length).toBeGreaterThanOrEqual(40)
})

const titled = transcripts.map(
  (transcript) => [`${transcript.id} ${transcript.title} [${transcript.req.join(' ')}]`, transcript] as const,
)

describe.each(titled)('%s', (_title, transcript) => {
  it.each(deliveriesOf(transcript))('%s', (delivery) => {
    playTranscript(transcript, delivery)
  })
})
