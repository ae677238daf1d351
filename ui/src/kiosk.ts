/** A kiosk gives nothing away to a curious finger: no menu, no selection, no zoom, no drag. */

/** Keys that would leave, reload, search or print the page. */
const LEAVING = /^(F[0-9]+|BrowserBack|BrowserForward|BrowserRefresh)$/
const WITH_CONTROL = new Set([...'rpsfgontwuj+-=_0', 'add', 'subtract'])

export function secure(page: Document): void {
  const refuse = (event: Event) => event.preventDefault()
  for (const kind of ['contextmenu', 'dragstart', 'gesturestart', 'gesturechange', 'auxclick']) {
    page.addEventListener(kind, refuse)
  }
  // A file dropped on a student's page would be opened in place of it. Staff drop theirs on the program itself.
  for (const kind of ['drop', 'dragover', 'dragenter']) page.addEventListener(kind, refuse)
  page.addEventListener('selectstart', event => {
    const on = event.target
    const within = on instanceof Element ? on : (on as Node | null)?.parentElement
    // Staff may copy a receipt number; students type into real fields.
    if (!within?.closest('input, textarea, .staff')) event.preventDefault()
  })
  // Two fingers zoom, on a touch screen as on a touch pad, which sends a wheel with the control key.
  const once: AddEventListenerOptions = { passive: false }
  page.addEventListener('wheel', event => void (event.ctrlKey && event.preventDefault()), once)
  for (const kind of ['touchstart', 'touchmove'] as const) {
    page.addEventListener(kind, event => void (event.touches.length > 1 && event.preventDefault()), once)
  }
  page.addEventListener('keydown', event => {
    const control = (event.ctrlKey || event.metaKey) && WITH_CONTROL.has(event.key.toLowerCase())
    if (LEAVING.test(event.key) || control || (event.altKey && event.key.startsWith('Arrow'))) {
      event.preventDefault()
    }
  })
}
