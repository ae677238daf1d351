/** A kiosk gives nothing away to a curious finger: no menu, no selection, no zoom, no drag. */

/** Keys that would leave, reload, search or print the page. */
const LEAVING = /^(F[0-9]+|BrowserBack|BrowserForward|BrowserRefresh)$/
const WITH_CONTROL = new Set(['r', 'p', 's', 'f', 'g', 'o', 'n', 't', 'w', 'u', 'j', '+', '-', '=', '0'])

export function secure(page: Document): void {
  const refuse = (event: Event) => event.preventDefault()
  for (const kind of ['contextmenu', 'dragstart', 'drop', 'dragover', 'gesturestart', 'gesturechange']) {
    page.addEventListener(kind, refuse)
  }
  page.addEventListener('selectstart', event => {
    const on = event.target
    const within = on instanceof Element ? on : (on as Node | null)?.parentElement
    // Staff may copy a receipt number; students type into real fields.
    if (!within?.closest('input, textarea, .staff')) event.preventDefault()
  })
  page.addEventListener(
    'wheel',
    event => {
      if (event.ctrlKey) event.preventDefault()
    },
    { passive: false },
  )
  page.addEventListener('keydown', event => {
    const control = (event.ctrlKey || event.metaKey) && WITH_CONTROL.has(event.key.toLowerCase())
    if (LEAVING.test(event.key) || control || (event.altKey && event.key.startsWith('Arrow'))) {
      event.preventDefault()
    }
  })
}
