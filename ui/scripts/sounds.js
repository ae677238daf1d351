/**
 * Makes the booth's three sounds (`assets/sounds/*.wav`) from sine waves: nothing recorded, nothing licensed.
 * Run with `node scripts/sounds.js`; the files are committed, so nobody needs to.
 */
import { mkdirSync, writeFileSync } from 'node:fs'

const RATE = 22050
const FOLDER = new URL('../../assets/sounds/', import.meta.url)

/** A tone that swells and dies: start and length in seconds, pitch in Hz. */
function tone(samples, start, length, pitch, loudness) {
  const from = Math.round(start * RATE)
  const count = Math.round(length * RATE)
  for (let i = 0; i < count; i += 1) {
    const time = i / RATE
    const swell = Math.min(1, time / 0.008) * Math.exp((-5 * time) / length)
    const wave = Math.sin(2 * Math.PI * pitch * time) + 0.25 * Math.sin(4 * Math.PI * pitch * time)
    samples[from + i] += loudness * swell * wave
  }
}

/** A shutter's click: a short burst of noise from a fixed seed. */
function click(samples, start, length, loudness) {
  let seed = 99
  const from = Math.round(start * RATE)
  for (let i = 0; i < length * RATE; i += 1) {
    seed = (seed * 1103515245 + 12345) % 2147483648
    samples[from + i] += loudness * (seed / 1073741824 - 1) * Math.exp((-9 * i) / (length * RATE))
  }
}

function save(name, seconds, draw) {
  const samples = new Float64Array(Math.round(seconds * RATE))
  draw(samples)
  const file = Buffer.alloc(44 + samples.length * 2)
  file.write('RIFF', 0)
  file.writeUInt32LE(36 + samples.length * 2, 4)
  file.write('WAVEfmt ', 8)
  file.writeUInt32LE(16, 16)
  file.writeUInt16LE(1, 20)
  file.writeUInt16LE(1, 22)
  file.writeUInt32LE(RATE, 24)
  file.writeUInt32LE(RATE * 2, 28)
  file.writeUInt16LE(2, 32)
  file.writeUInt16LE(16, 34)
  file.write('data', 36)
  file.writeUInt32LE(samples.length * 2, 40)
  samples.forEach((sample, i) => {
    file.writeInt16LE(Math.round(Math.max(-1, Math.min(1, sample)) * 32000), 44 + i * 2)
  })
  writeFileSync(new URL(`${name}.wav`, FOLDER), file)
}

mkdirSync(FOLDER, { recursive: true })
save('steady', 0.25, samples => tone(samples, 0, 0.24, 880, 0.35))
save('shutter', 0.22, samples => {
  click(samples, 0, 0.05, 0.8)
  click(samples, 0.09, 0.09, 0.6)
})
save('done', 0.9, samples => {
  tone(samples, 0, 0.5, 523.25, 0.3)
  tone(samples, 0.12, 0.5, 659.25, 0.3)
  tone(samples, 0.24, 0.65, 783.99, 0.3)
})
