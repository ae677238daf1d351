/** Component tests run without a station and without a camera, and leave nothing mounted behind. */
import { enableAutoUnmount } from '@vue/test-utils'
import { afterEach, vi } from 'vitest'

enableAutoUnmount(afterEach)
vi.stubGlobal('Audio', undefined)
