/** Component tests run without a station and without a camera. */
import { vi } from 'vitest'

vi.stubGlobal('Audio', undefined)
